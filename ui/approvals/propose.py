"""Propose: create a change request from a rule set, and gather its evidence."""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.approvals.change_request import Request
from phantom_core.approvals.ramp import LONGEST_WAIT_H, RampStep
from phantom_core.core.settings import Settings
from phantom_core.model_kinds.multitask import NETWORK
from phantom_core.model_store.store import ModelStore
from phantom_core.use_cases.approvals.change_requests import propose_rules
from phantom_core.use_cases.approvals.job_submit_request import SubmitChangeRequest
from phantom_core.use_cases.overview.prepared_demo import LEARNED
from phantom_core.use_cases.rules.live_rules import LIVE
from phantom_core.use_cases.rules.rule_sets import open_rule_set
from ui.accounts.account import current_login, is_allowed, start_job
from ui.frame.errors import friendly_errors
from ui.frame.handles import now_ms, open_jobs
from ui.frame.job_watch import watch_job
from ui.frame.linked import set_widgets
from ui.rules.draft import rule_set_choices

KIND: Final = SubmitChangeRequest.kind
REQUEST: Final = "request"
_SENT: Final = "propose_sent"
SHARES: Final = (10, 20, 25, 50, 75, 100)
ZONES: Final = (
    "UTC",
    *sorted(
        zone
        for zone in available_timezones()
        if "/" in zone and not zone.startswith(("Etc/", "posix", "right"))
    ),
)


def propose_form(settings: Settings) -> None:
    """Create a change request and gather its evidence."""
    if not is_allowed(Permission.PROPOSE):
        return
    sent = int(st.session_state.get(_SENT, 0))
    wanted = bool(st.query_params.get("propose")) and not sent
    with st.expander(
        "Propose a change", icon=":material/edit_note:", key=f"propose_open_{sent}", expanded=wanted
    ):
        written = _fields(settings, f"new_{sent}", None)
        if st.button(
            "Gather evidence and submit",
            type="primary",
            icon=":material/send:",
            key="propose_submit",
        ):
            with friendly_errors():
                _write(settings, written, None)


def edit_form(settings: Settings, request: Request) -> None:
    """Edit a request; this voids its approvals."""
    with st.popover("Edit", icon=":material/edit:", key=f"pop_edit_{request.request_id}"):
        st.caption(
            "An edit creates a new revision: evidence is gathered again and approvals are reset."
        )
        written = _fields(settings, f"edit_{request.request_id}_{request.revision}", request)
        if st.button(
            "Save and submit",
            type="primary",
            icon=":material/send:",
            key=f"edit_submit_{request.request_id}",
        ):
            with friendly_errors():
                _write(settings, written, request.request_id)


def gather_and_submit(request_id: int) -> None:
    """Gather the evidence of a draft, then submit it."""
    current_login(Permission.PROPOSE)
    start_job(SubmitChangeRequest(request=request_id))


def watch_submission() -> None:
    """Show the progress of the newest submission."""
    newest = open_jobs().latest(KIND)
    number = newest[0].request_as(SubmitChangeRequest).request if newest else None
    watch_job(KIND, f"Gathering evidence for request {number}", left="the request stays a draft")


class _Written(dict[str, object]):
    """Values of the form."""


def _fields(settings: Settings, key: str, request: Request | None) -> _Written:
    names = [name for name in rule_set_choices(settings) if name != LIVE]
    wanted = request.name if request else str(st.query_params.get("propose") or "")
    at = next((names.index(name) for name in (wanted, LEARNED) if name in names), 0)
    left, right = st.columns([3, 2])
    with left:
        rules = st.selectbox("Rules", names, index=at, key=f"propose_rules_{key}")
        why = st.text_area(
            "Reason",
            request.why if request else "",
            key=f"propose_why_{key}",
            height=90,
            placeholder="Purpose of the change; the approver reads this first.",
        )
        answers = st.text_area(
            "Response to warnings",
            request.answers if request else "",
            key=f"propose_answers_{key}",
            height=68,
            help="Explain why a warning is acceptable; errors must be fixed.",
        )
    with right:
        share = st.slider(
            "Initial canary",
            1,
            100,
            round(100 * request.share) if request else 10,
            format="%d %%",
            key=f"propose_share_{key}",
        )
        ramp = _ramp_fields(request, key, share)
        has_network = bool(ModelStore(settings.workspace, NETWORK.name).versions())
        by_model = st.toggle(
            "Price with the network",
            request.policy == "model" if request else False,
            key=f"propose_policy_{key}",
            disabled=not has_network,
            help="Uses the network's optimal mark-up for each session, with the rules as fallback."
            if has_network
            else "Train the network first.",
        )
        ends = st.toggle(
            "Expires automatically", bool(request and request.expires_ms), key=f"propose_ends_{key}"
        )
        zone, until = "UTC", None
        if ends:
            zone = str(st.selectbox("Time zone", ZONES, key=f"propose_zone_{key}"))
            until = st.datetime_input("Until", key=f"propose_until_{key}")
    return _Written(
        rules=rules,
        why=why,
        answers=answers,
        share=share / 100,
        ramp=ramp,
        policy="model" if by_model else "rules",
        zone=zone,
        expires_ms=moment_ms(until, zone) if until else 0,
    )


def _ramp_fields(request: Request | None, key: str, share: int) -> tuple[RampStep, ...]:
    """Larger shares that the approval covers."""
    steps = request.steps if request else ()
    if not st.toggle(
        "Ramp up after the canary",
        bool(steps),
        key=f"propose_ramp_{key}",
        help="The approval then covers larger shares too, each after a while at the one before. "
        "Without a ramp, a larger share needs a new approval.",
    ):
        return ()
    larger = [one for one in SHARES if one > share]
    before = {round(100 * step.share) for step in steps}
    chosen = st.multiselect(
        "Shares of sessions",
        larger,
        [one for one in larger if one in before] or larger[-1:],
        format_func=lambda one: f"{one} %",
        key=f"propose_ramp_shares_{key}",
    )
    wait_h = st.number_input(
        "Hours between two steps, at least",
        1.0,
        LONGEST_WAIT_H,
        steps[0].wait_h if steps else 24.0,
        step=1.0,
        key=f"propose_ramp_hours_{key}",
    )
    sessions = st.number_input(
        "Sessions between two steps, at least",
        0,
        10**9,
        steps[0].sessions if steps else 0,
        step=1_000,
        key=f"propose_ramp_sessions_{key}",
        help="Of the canary and the control together; 0 for no such condition. The guard holds or "
        "rolls back a step besides: see the documents on approvals.",
    )
    return tuple(RampStep(one / 100, wait_h, int(sessions)) for one in sorted(chosen))


def moment_ms(moment: datetime, zone: str) -> int:
    """UTC milliseconds of a local moment in a time zone."""
    return round(moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp() * 1_000)


def _steps(value: object) -> tuple[RampStep, ...]:
    assert isinstance(value, tuple)
    return value


def _write(settings: Settings, written: _Written, request_id: int | None) -> None:
    request = propose_rules(
        settings,
        current_login(Permission.PROPOSE),
        open_rule_set(settings, str(written["rules"])),
        why=str(written["why"]),
        answers=str(written["answers"]),
        policy="model" if written["policy"] == "model" else "rules",
        share=float(str(written["share"])),
        ramp=_steps(written["ramp"]),
        expires_ms=int(str(written["expires_ms"])),
        time_zone=str(written["zone"]),
        now_ms=now_ms(),
        request_id=request_id,
    )
    gather_and_submit(request.request_id)
    st.session_state[_SENT] = int(st.session_state.get(_SENT, 0)) + 1
    set_widgets({REQUEST: request.request_id})
    st.rerun()
