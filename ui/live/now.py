"""The live release, and whether the pricing server is in sync with it."""

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.approvals.emergencies import Emergency
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.live_status import LiveStatus, heal_server, read_live_status
from phantom_core.use_cases.approvals.watch_server import EVERY_S, seen_last
from phantom_core.valkey.server import describe_server
from ui.accounts.account import current_login, is_allowed
from ui.approvals.act import draw_review
from ui.approvals.request import emergency_facts
from ui.frame.empty import show_missing
from ui.frame.errors import friendly_errors
from ui.frame.fragments import fragment
from ui.frame.handles import now_ms
from ui.frame.wording import escape, format_duration, format_moment, format_percent
from ui.live.guard import draw_guard
from ui.live.history import release_title


@fragment(run_every=EVERY_S)
def live_now(settings: Settings) -> None:
    """Draw the rollout status, refreshed every few seconds."""
    with friendly_errors():
        _draw(settings, read_live_status(settings, now_ms=now_ms()))


def _draw(settings: Settings, found: LiveStatus) -> None:
    release, seen = found.release, seen_last(settings)
    synced = (
        " Synced with the pricing servers "
        f"{format_duration(max(0, now_ms() - seen.checked_ms) / 1_000)} ago."
        if seen and found.is_well
        else ""
    )
    st.caption(f"Rollout status.{synced}")
    if release is None:
        show_missing(
            "No release is live; all sessions pay the base price",
            "Approve a change request and publish it.",
            "pages/approvals.py",
            "Go to approvals",
        )
    else:
        with st.container(horizontal=True, key="live_figures"):
            st.metric("Live release", escape(release.version) or "base prices", border=True)
            st.metric(
                "Rollout, share of sessions",
                format_percent(release.share if release.version else 1.0),
                border=True,
            )
            st.metric(
                "Remaining traffic (control)",
                (escape(release.stable) or "base prices") if release.share < 1 else "–",
                border=True,
            )
            st.metric("Kill switch", "ON" if release.is_killed else "off", border=True)
        if release.is_killed:
            st.error(
                f"**The kill switch is on**: every session pays the base price. "
                f"{escape(release.who)}: {escape(release.why)}",
                icon=":material/power_off:",
            )
        if 0 < release.share < 1 and release.version and not release.is_killed:
            draw_guard(settings, release.epoch)
        for one in found.emergencies:
            _emergency(settings, one, found)
        by = "the network, with rules as fallback" if release.policy == "model" else "rules"
        request = f" · request {release.request_id}" if release.request_id else ""
        st.caption(
            f"{release_title(release.kind).capitalize()} by {escape(release.who)} "
            f"{format_moment(release.at_ms)} UTC · version no. {release.epoch} · priced by {by}"
            f"{request} · "
            f"guard rails {release.guard_rails} · audit entry {release.audit_seq}"
        )
    detected = f"since {format_moment(seen.since_ms)} UTC" if seen and seen.problems else "just now"
    _server(settings, found, detected)


def _emergency(settings: Settings, one: Emergency, found: LiveStatus) -> None:
    """A live version that was published without the required approvals, for as long as it is."""
    state = (
        "reviewed"
        if one.is_reviewed
        else "REVIEW OVERDUE"
        if one.is_overdue(now_ms())
        else "waiting for review"
    )
    draw = st.warning if one.is_reviewed else st.error
    draw(
        f"**Live by an emergency, not as approved** (request {one.request_id}, {state}): "
        f"{escape(one.why)}\n\n{emergency_facts(one)}",
        icon=":material/emergency_home:",
    )
    if found.request and not one.is_reviewed:
        draw_review(settings, one, found.request.author)


def _server(settings: Settings, found: LiveStatus, detected: str) -> None:
    server = describe_server(settings)
    kind = "embedded Valkey" if server.is_embedded else "server"
    where = kind if server.is_embedded else f"{kind} at {escape(server.url_without_password)}"
    if found.is_well:
        version = found.release.version if found.release else ""
        unapproved = "" if not found.emergencies else " (live by an emergency)"
        st.success(
            f"In sync with {f'release {escape(version)}' if version else 'base prices'}"
            f"{unapproved} · {where}",
            icon=":material/verified:",
        )
        return
    with st.container(border=True, key="divergence"):
        if found.problem:
            st.error(
                f"**The {kind} cannot be reached.** {escape(found.problem)}",
                icon=":material/cloud_off:",
            )
        if found.pending:
            st.warning(
                f"A change to {escape(found.pending.version) or 'base prices'} was interrupted and "
                "has not been reconciled yet.",
                icon=":material/pending:",
            )
        if found.divergences:
            word = "published" if found.emergencies else "approved"
            lines = "\n".join(f"- {escape(str(one))}" for one in found.divergences)
            st.error(
                f"**The {kind} is out of sync with the {word} release.**\n\n{lines}",
                icon=":material/sync_problem:",
            )
            st.caption(f"Detected {detected}.")
        if st.button(
            "Restore approved release",
            icon=":material/healing:",
            type="primary",
            disabled=not is_allowed(Permission.KILL),
            key="heal",
        ):
            with friendly_errors(), st.spinner("Restoring the approved release …"):
                heal_server(
                    settings, current_login(Permission.KILL), why="by hand", now_ms=now_ms()
                )
                st.rerun()
        if not is_allowed(Permission.KILL):
            st.caption(
                "A pricing manager or an administrator can restore the approved release on the "
                "server."
            )
