"""Actions on a change request: approve, reject, publish, schedule, edit, withdraw, export."""

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.approvals.change_request import Request
from phantom_core.approvals.emergencies import Emergency
from phantom_core.approvals.states import EDITABLE, OPEN
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals import change_requests
from phantom_core.use_cases.approvals.audit_pack import export_audit_pack
from phantom_core.use_cases.approvals.change_requests import Reviewed
from phantom_core.use_cases.approvals.emergencies import (
    EmergencyPreview,
    confirm_emergency,
    preview_emergency,
    review_emergency,
)
from phantom_core.use_cases.approvals.publish_rules import publish_request
from ui.accounts.account import current_login, current_person, is_allowed
from ui.approvals.propose import ZONES, edit_form, gather_and_submit, moment_ms
from ui.frame.errors import friendly_errors
from ui.frame.handles import now_ms
from ui.frame.wording import escape, format_number_of


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
            _emergency(settings, seen, is_author=is_author)
        if seen.emergency and not seen.emergency.is_reviewed:
            draw_review(settings, seen.emergency, request.author)
        if is_author:
            _own(settings, request)
        _download(settings, request)


def _decide(settings: Settings, seen: Reviewed, *, is_author: bool) -> None:
    request = seen.request
    blocking = [gate for gate in seen.closed_gates if not gate.is_acceptable]
    risks = [gate for gate in seen.closed_gates if gate.is_acceptable]
    why_not = (
        "Four-eyes principle: you cannot approve your own change."
        if is_author
        else f"Blocked by: {escape(blocking[0].name)}"
        if blocking
        else ""
    )
    if request.state == "submitted" or seen.n_approvals < seen.needed:
        with st.popover(
            "Approve",
            key=f"pop_approve_{request.request_id}",
            icon=":material/thumb_up:",
            type="primary",
            disabled=bool(why_not),
            help=why_not or None,
        ):
            accepted = [
                gate.name
                for gate in risks
                if st.checkbox(
                    f"I accept the risk: {escape(gate.says)}",
                    key=f"accept_{gate.name}_{request.request_id}",
                )
            ]
            comment = st.text_input(
                "Comment, why the risk is acceptable" if risks else "Comment",
                key=f"approve_comment_{request.request_id}",
            )
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
                        accept=accepted,
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


def _emergency(settings: Settings, seen: Reviewed, *, is_author: bool) -> None:
    request = seen.request
    with st.popover(
        "Emergency publish",
        key=f"pop_emergency_{request.request_id}",
        icon=":material/emergency_home:",
        type="tertiary",
    ):
        found = preview_emergency(settings, request.request_id)
        st.markdown(
            "Publishes **without the required approvals**. The request, the audit log and the page "
            "Live say so, the alert channels hear of it at once, and another person has to review "
            "it. The guard rails still apply."
        )
        st.markdown(_meaning(found))
        why = st.text_input("What happened", key=f"emergency_why_{request.request_id}")
        n_failed = len(found.overruled)
        bypassed = f"{format_number_of(n_failed, 'failed gate')}" if n_failed else "approval"
        if st.button(
            f"Emergency publish (bypasses {bypassed})",
            key=f"emergency_{request.request_id}",
            disabled=not _may_publish(found, is_author=is_author),
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
        if not is_author and st.button(
            "Confirm as the second person",
            key=f"confirm_{request.request_id}",
            help="Another pricing manager can then publish it. What you write above is recorded.",
        ):
            with friendly_errors():
                confirm_emergency(
                    settings,
                    current_login(Permission.APPROVE),
                    request.request_id,
                    request.revision,
                    comment=why,
                    now_ms=now_ms(),
                )
                st.rerun()


def _may_publish(found: EmergencyPreview, *, is_author: bool) -> bool:
    who = current_person()
    others = set(found.seconds) - {who.login if who else ""}
    return not found.blocking and bool(others or (found.prices == "lower" and not is_author))


def _meaning(found: EmergencyPreview) -> str:
    """What an emergency publication would mean, as a list."""
    people = (
        f"confirmed by {escape(', '.join(found.seconds))}"
        if found.seconds
        else "one person can publish it, but not its author"
        if found.prices == "lower"
        else "a second pricing manager has to confirm it first"
    )
    lines = [f"{escape(found.says)} So {people}."]
    lines += [f"Overrules **{escape(one.name)}**: {escape(one.says)}" for one in found.overruled]
    lines += [f"Blocked by **{escape(one.name)}**: {escape(one.says)}" for one in found.blocking]
    return "\n".join(f"- {line}" for line in lines)


def draw_review(settings: Settings, found: Emergency, author: str) -> None:
    """Draw the review of an emergency publication, for people who may do it."""
    who = current_person()
    if who is None or who.login in (found.who, author) or not is_allowed(Permission.APPROVE):
        return
    with st.popover(
        "Review emergency",
        key=f"pop_review_{found.request_id}",
        icon=":material/rate_review:",
        type="primary",
    ):
        comment = st.text_input("What you found", key=f"review_comment_{found.request_id}")
        if st.button("Record review", type="primary", key=f"review_{found.request_id}"):
            with friendly_errors():
                review_emergency(
                    settings,
                    current_login(Permission.APPROVE),
                    found.request_id,
                    comment=comment,
                    now_ms=now_ms(),
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
