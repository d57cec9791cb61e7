"""Actions on a change request: approve, reject, publish, schedule, edit, withdraw, export."""

from typing import Final

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.approvals.change_request import Request
from phantom_core.approvals.states import EDITABLE, OPEN
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals import change_requests
from phantom_core.use_cases.approvals.audit_pack import export_audit_pack
from phantom_core.use_cases.approvals.change_requests import Reviewed
from phantom_core.use_cases.approvals.publish_rules import publish_request
from ui.accounts.account import current_login, current_person, is_allowed
from ui.approvals.propose import ZONES, edit_form, gather_and_submit, moment_ms
from ui.frame.errors import friendly_errors
from ui.frame.handles import now_ms
from ui.frame.wording import escape, format_number_of

_NEVER_BYPASSED: Final = "guard rails"


def draw_actions(settings: Settings, seen: Reviewed) -> None:
    """Draw the actions that the reader may take on a request in its state."""
    request, who = seen.request, current_person()
    is_author = who is not None and who.login == request.author
    with st.container(horizontal=True, vertical_alignment="center"):
        if who is None:
            st.caption("Sign in at the top of the page to approve or reject.")
        if request.state in OPEN and is_allowed(Permission.APPROVE):
            _decide(settings, seen, is_author=is_author)
        if request.state in ("approved", "scheduled") and is_allowed(Permission.PUBLISH):
            _publish(settings, request)
        if request.state in OPEN and request.state != "approved" and is_allowed(Permission.PUBLISH):
            _emergency(settings, seen)
        if is_author:
            _own(settings, request)
        _download(settings, request)


def _decide(settings: Settings, seen: Reviewed, *, is_author: bool) -> None:
    request = seen.request
    why_not = (
        "Four-eyes principle: you cannot approve your own change."
        if is_author
        else f"Blocked by: {escape(seen.closed_gates[0].name)}"
        if seen.closed_gates
        else ""
    )
    if request.state == "submitted":
        with st.popover(
            "Approve",
            key=f"pop_approve_{request.request_id}",
            icon=":material/thumb_up:",
            type="primary",
            disabled=bool(why_not),
            help=why_not or None,
        ):
            comment = st.text_input("Comment", key=f"approve_comment_{request.request_id}")
            if st.button(
                "Approve this revision", type="primary", key=f"approve_{request.request_id}"
            ):
                with friendly_errors():
                    who = current_login(Permission.APPROVE)
                    change_requests.approve_request(
                        settings,
                        who,
                        request.request_id,
                        request.revision,
                        comment=comment,
                        now_ms=now_ms(),
                    )
                    st.rerun()
    with st.popover(
        "Reject", key=f"pop_decline_{request.request_id}", icon=":material/thumb_down:"
    ):
        reason = st.text_input("Reason", key=f"decline_comment_{request.request_id}")
        if st.button("Reject change", key=f"decline_{request.request_id}"):
            with friendly_errors():
                change_requests.reject_request(
                    settings,
                    current_login(Permission.APPROVE),
                    request.request_id,
                    request.revision,
                    comment=reason,
                    now_ms=now_ms(),
                )
                st.rerun()


def _publish(settings: Settings, request: Request) -> None:
    highest = round(100 * request.share)
    with st.popover(
        "Publish",
        key=f"pop_publish_{request.request_id}",
        icon=":material/publish:",
        type="primary",
    ):
        share = (
            st.slider(
                "Initial canary, share of sessions",
                1,
                highest,
                highest,
                format="%d %%",
                key=f"publish_share_{request.request_id}",
            )
            if highest > 1
            else 1
        )
        why = st.text_input("Reason", key=f"publish_why_{request.request_id}")
        if st.button(
            f"Publish to {share} % of sessions",
            type="primary",
            key=f"publish_{request.request_id}",
        ):
            with friendly_errors(), st.spinner("Publishing …"):
                done = publish_request(
                    settings,
                    current_login(Permission.PUBLISH),
                    request.request_id,
                    now_ms=now_ms(),
                    share=min(share / 100, request.share),
                    why=why,
                )
                st.toast(f"Published {escape(done.version)}.", icon=":material/check:")
                st.rerun()
    with st.popover(
        "Schedule", key=f"pop_schedule_{request.request_id}", icon=":material/schedule:"
    ):
        zone = str(st.selectbox("Time zone", ZONES, key=f"schedule_zone_{request.request_id}"))
        at = st.datetime_input("Goes live at", key=f"schedule_at_{request.request_id}")
        if st.button("Schedule publication", key=f"schedule_{request.request_id}") and at:
            with friendly_errors():
                who = current_login(Permission.PUBLISH)
                change_requests.schedule_request(
                    settings, who, request.request_id, moment_ms(at, zone), zone, now_ms=now_ms()
                )
                st.rerun()
        if request.state == "scheduled" and st.button(
            "Cancel schedule", key=f"unschedule_{request.request_id}"
        ):
            with friendly_errors():
                change_requests.unschedule_request(
                    settings, current_login(Permission.PUBLISH), request.request_id, now_ms=now_ms()
                )
                st.rerun()


def _emergency(settings: Settings, seen: Reviewed) -> None:
    request, n_failed = (
        seen.request,
        sum(gate.name != _NEVER_BYPASSED for gate in seen.closed_gates),
    )
    with st.popover(
        "Emergency publish",
        key=f"pop_emergency_{request.request_id}",
        icon=":material/emergency_home:",
        type="tertiary",
    ):
        st.markdown(
            "Publishes **without the required approvals**. This is recorded permanently in the "
            "request and the audit log; the guard rails still apply."
        )
        why = st.text_input("Reason for the emergency", key=f"emergency_why_{request.request_id}")
        bypassed = f"{format_number_of(n_failed, 'failed gate')}" if n_failed else "approval"
        if st.button(
            f"Emergency publish (bypasses {bypassed})", key=f"emergency_{request.request_id}"
        ):
            with friendly_errors(), st.spinner("Publishing …"):
                publish_request(
                    settings,
                    current_login(Permission.PUBLISH),
                    request.request_id,
                    now_ms=now_ms(),
                    emergency=why,
                )
                st.rerun()


def _own(settings: Settings, request: Request) -> None:
    if request.state == "draft" and st.button(
        "Gather evidence and submit", icon=":material/send:", key=f"submit_{request.request_id}"
    ):
        with friendly_errors():
            gather_and_submit(request.request_id)
            st.rerun()
    if request.state in EDITABLE:
        edit_form(settings, request)
        tip = "Compare with the current release; evidence and approvals start again."
        if st.button(
            "Rebase", icon=":material/merge:", key=f"rebase_{request.request_id}", help=tip
        ):
            with friendly_errors():
                change_requests.rebase_request(
                    settings, current_login(Permission.PROPOSE), request.request_id, now_ms=now_ms()
                )
                gather_and_submit(request.request_id)
                st.rerun()
    if request.state in ("draft", *OPEN) and st.button(
        "Withdraw", icon=":material/undo:", key=f"withdraw_{request.request_id}"
    ):
        with friendly_errors():
            change_requests.withdraw_request(
                settings, current_login(Permission.PROPOSE), request.request_id, now_ms=now_ms()
            )
            st.rerun()


def _download(settings: Settings, request: Request) -> None:
    with st.popover(
        "Audit pack",
        icon=":material/download:",
        type="tertiary",
        on_change="rerun",
        key=f"pack_{request.request_id}",
    ) as opened:
        if opened.open:
            with friendly_errors():
                for name, content in export_audit_pack(
                    settings, request.request_id, now_ms=now_ms()
                ).items():
                    kind = "text/html" if name.endswith("html") else "application/json"
                    st.download_button(
                        escape(name), content, name, kind, on_click="ignore", key=f"download_{name}"
                    )
