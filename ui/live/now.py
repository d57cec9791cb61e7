"""What is live now, and whether the server holds it."""

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.live_status import LiveStatus, heal_server, read_live_status
from phantom_core.use_cases.approvals.watch_server import EVERY_S, seen_last
from phantom_core.valkey.server import describe_server
from ui.accounts.account import current_login, is_allowed
from ui.frame.empty import show_missing
from ui.frame.errors import friendly_errors
from ui.frame.handles import now_ms
from ui.frame.wording import format_duration, format_moment, format_percent


@st.fragment(run_every=EVERY_S)
def live_now(settings: Settings) -> None:
    """Draw the state in one look, and again every few seconds."""
    with friendly_errors():
        _draw(settings, read_live_status(settings, now_ms=now_ms()))


def _draw(settings: Settings, found: LiveStatus) -> None:
    release = found.release
    if release is None:
        show_missing(
            "Nothing is live: every price is the base price.",
            "Approve a change and publish it.",
            "pages/approvals.py",
            "Go to approvals",
        )
    else:
        with st.container(horizontal=True, key="live_figures"):
            st.metric("Live version", release.version or "base prices", border=True)
            st.metric(
                "Share of the sessions",
                format_percent(release.share if release.version else 1.0),
                border=True,
            )
            st.metric(
                "The others get",
                (release.stable or "base prices") if release.share < 1 else "–",
                border=True,
            )
            st.metric("Kill switch", "ON" if release.is_killed else "off", border=True)
        if release.is_killed:
            st.error(
                f"**The kill switch is on**: every session pays the base price. {release.who}: "
                f"{release.why}",
                icon=":material/power_off:",
            )
        by = "the network, rules where it cannot" if release.policy == "model" else "rules"
        request = f" · request {release.request_id}" if release.request_id else ""
        st.caption(
            f"{release.kind} by {release.who} {format_moment(release.at_ms)} UTC · epoch "
            f"{release.epoch} · priced by {by}{request} · "
            f"guard rails {release.guard_rails} · audit entry {release.audit_seq}"
        )
    _server(settings, found)


def _server(settings: Settings, found: LiveStatus) -> None:
    server = describe_server(settings)
    kind = "embedded Valkey" if server.is_embedded else "server"
    seen = seen_last(settings)
    looked = (
        f"; the watcher looked {format_duration(max(0, now_ms() - seen.checked_ms) / 1_000)} ago"
        if seen
        else ""
    )
    if found.is_well:
        st.success(
            f"The {kind} at {server.url_without_password} holds exactly what was approved{looked}.",
            icon=":material/verified:",
        )
        return
    with st.container(border=True, key="divergence"):
        if found.problem:
            st.error(
                f"**The {kind} cannot be asked.** {found.problem}", icon=":material/cloud_off:"
            )
        if found.pending:
            st.warning(
                f"A switch to {found.pending.version or 'base prices'} was interrupted and is not "
                "settled yet.",
                icon=":material/pending:",
            )
        if found.divergences:
            lines = "\n".join(f"- {one}" for one in found.divergences)
            st.error(
                f"**The {kind} holds something else than what was approved.**\n\n{lines}",
                icon=":material/sync_problem:",
            )
            since = f" since {format_moment(seen.since_ms)} UTC" if seen and seen.problems else ""
            st.caption(f"Seen by the watcher{since}." if since else "Seen just now.")
        if st.button(
            "Heal",
            icon=":material/healing:",
            type="primary",
            disabled=not is_allowed(Permission.KILL),
            key="heal",
        ):
            with friendly_errors(), st.spinner("Restoring what was approved …"):
                heal_server(
                    settings, current_login(Permission.KILL), why="by hand", now_ms=now_ms()
                )
                st.rerun()
        if not is_allowed(Permission.KILL):
            st.caption(
                "A pricing manager or an administrator can heal it: exactly what the control "
                "database says is live is restored."
            )
