"""Guard of the rollout: what it last found of the live canary."""

from typing import Final

import streamlit as st

from phantom_core.approvals.rollout_guard_log import GuardAction, read_guard_result
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.change_requests import control_database
from ui.frame.handles import now_ms
from ui.frame.wording import escape, format_duration

_TITLES: Final[dict[GuardAction, str]] = {
    "roll back": "The guard rolls this canary back",
    "wait": "The next step waits for sessions",
    "hold": "The guard holds the next step",
    "advance": "The guard found nothing against this canary",
}


def draw_guard(settings: Settings, epoch: int) -> None:
    """Draw what the guard last found of a release."""
    found = read_guard_result(control_database(settings), epoch)
    if found is None:
        st.caption(
            "The guard has not looked at this canary yet. The process that drains decisions does "
            "so every minute; `rules guard` does so at once."
        )
        return
    ago = format_duration(max(0, now_ms() - found.checked_ms) / 1_000)
    text = f"**{_TITLES[found.action]}.** {escape(' '.join(found.reasons))} Checked {ago} ago."
    if found.action == "roll back":
        st.error(text, icon=":material/undo:")
    elif found.action == "advance":
        st.success(text, icon=":material/verified_user:")
    else:
        st.info(text, icon=":material/hourglass:")
