"""Switches: rollout, rollback and the kill switch."""

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.approvals import releases
from phantom_core.approvals.releases import PublishedRelease
from phantom_core.approvals.rollout import Rollout, allowed_rollout, is_restorable
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.change_requests import control_database, propose_rollout
from phantom_core.use_cases.approvals.kill_switch import kill_prices, lift_kill
from phantom_core.use_cases.approvals.publish_rules import roll_back, set_share
from ui.accounts.account import current_login, is_allowed
from ui.approvals.propose import gather_and_submit
from ui.frame.errors import friendly_errors
from ui.frame.handles import now_ms
from ui.frame.wording import escape, format_moment, format_percent


def draw_switches(settings: Settings) -> None:
    """Draw the switches that the reader may use."""
    with control_database(settings).connect() as connection:
        release = releases.current_release(connection)
    if release is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="live_switches"):
        if is_allowed(Permission.PUBLISH) and release.share < 1 and release.version:
            _share(settings, release)
        if is_allowed(Permission.PUBLISH):
            _back(settings, release)
        if is_allowed(Permission.KILL):
            _kill(settings, release)
        else:
            st.caption(
                "A pricing manager can change the rollout, roll back and use the kill switch."
            )


def _share(settings: Settings, release: PublishedRelease) -> None:
    with control_database(settings).connect() as connection:
        allowed = allowed_rollout(connection, release, now_ms=now_ms())
    highest = round(100 * max(allowed.share, release.share))
    with st.popover("Change rollout", icon=":material/pie_chart:", type="primary"):
        share = (
            st.slider(
                "Rollout, share of sessions",
                1,
                highest,
                round(100 * release.share),
                format="%d %%",
                key="live_share",
            )
            if highest > 1
            else 1
        )
        st.caption(_approved(allowed))
        why = st.text_input("Reason", key="live_share_why")
        if st.button(f"Roll out to {share} %", type="primary", key="live_share_go"):
            with friendly_errors(), st.spinner("Changing the rollout …"):
                set_share(
                    settings,
                    current_login(Permission.PUBLISH),
                    min(share / 100, max(allowed.share, release.share)),
                    why=why,
                    now_ms=now_ms(),
                )
                st.rerun()
        if is_allowed(Permission.PROPOSE) and st.button(
            "Propose 100 % for approval",
            key="live_widen",
            help="Gathers evidence for the same rules and asks another person for approval.",
        ):
            with friendly_errors():
                request = propose_rollout(
                    settings, current_login(Permission.PROPOSE), 1.0, why=why, now_ms=now_ms()
                )
                gather_and_submit(request.request_id)
                st.toast(f"Request {request.request_id} asks for it.", icon=":material/check:")


def _approved(allowed: Rollout) -> str:
    """How far the approval goes, in a sentence."""
    now = f"Approved for {allowed.share:.0%} of the sessions now."
    if allowed.next_share is None:
        return f"{now} A larger share needs a new approval."
    when = f"from {format_moment(allowed.next_ms)} UTC" if allowed.next_ms else "later"
    return f"{now} The ramp allows {allowed.next_share:.0%} {when}."


def _back(settings: Settings, release: PublishedRelease) -> None:
    versions = _earlier(settings, release)
    with st.popover("Roll back", icon=":material/undo:"):
        version = st.selectbox(
            "Version", versions, key="rollback_to", format_func=lambda name: name or "base prices"
        )
        st.caption(f"{_touched(release)} None of them gets it any more.")
        why = st.text_input("Reason", key="rollback_why")
        if st.button(
            f"Roll back to {escape(version) or 'base prices'}",
            type="primary",
            key="rollback_go",
            disabled=version is None,
        ):
            with friendly_errors(), st.spinner("Rolling back …"):
                roll_back(
                    settings,
                    current_login(Permission.PUBLISH),
                    str(version),
                    why=why,
                    now_ms=now_ms(),
                )
                st.rerun()


def _kill(settings: Settings, release: PublishedRelease) -> None:
    if release.is_killed:
        if is_allowed(Permission.PUBLISH) and st.button(
            "Lift kill switch", icon=":material/power:", key="revive"
        ):
            with friendly_errors(), st.spinner("Changing the rollout …"):
                lift_kill(
                    settings,
                    current_login(Permission.PUBLISH),
                    why="lifted by hand",
                    now_ms=now_ms(),
                )
                st.rerun()
        return
    with st.popover("Kill switch", icon=":material/power_off:"):
        st.markdown(
            f"{_touched(release)} All sessions pay the base price at once, and running price "
            "experiments stop, until the switch is lifted."
        )
        why = st.text_input("Reason", key="kill_why")
        is_sure = st.button("Activate kill switch", type="primary", key="kill")
    if is_sure:
        with friendly_errors(), st.spinner("Changing the rollout …"):
            done = kill_prices(
                settings,
                current_login(Permission.KILL),
                why=why.strip() or "by hand",
                now_ms=now_ms(),
            )
            if done.problem:
                st.warning(
                    f"The kill file {escape(str(done.kill_file))} is written; "
                    f"the switch is not published yet. {escape(done.problem)}"
                )
                return
            st.rerun()


def _touched(release: PublishedRelease) -> str:
    """What a switch would take back, in a sentence."""
    if not release.version:
        return "Base prices are live."
    return f"{escape(release.version)} prices {format_percent(release.share)} of the sessions."


def _earlier(settings: Settings, release: PublishedRelease) -> list[str]:
    """Earlier versions that may be restored, newest first, and base prices."""
    with control_database(settings).connect() as connection:
        done = [
            one for one in releases.release_history(connection, newest=500) if one.state == "done"
        ]
        refused = {
            version
            for version in {release.stable, *(one.full_version for one in done)}
            if not is_restorable(connection, version)
        }
    found = [release.stable] if release.share < 1 else []
    found += [one.full_version for one in done]
    choices = [
        one
        for one in dict.fromkeys([*found, ""])
        if one not in refused and (one != release.full_version or release.share < 1)
    ]
    return [one for one in choices if not (one == release.version and release.share >= 1)]
