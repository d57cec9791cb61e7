"""What waits for the reader, and what is live, each with its link."""

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.views.overview.waiting import (
    Waiting,
    release_now,
    uncertain_sessions,
    what_waits,
)
from ui.accounts.account import current_person, is_allowed
from ui.frame.handles import current_snapshot
from ui.frame.page_spec import find_page
from ui.frame.wording import escape, format_moment, format_number_of, format_percent


def waiting_now(settings: Settings) -> Waiting:
    """What waits for the reader."""
    found = current_person()
    login = found.login if found else ""
    return what_waits(settings, login, is_approver=is_allowed(Permission.APPROVE))


def draw_waiting(settings: Settings) -> None:
    """Everything that waits, or that nothing does."""
    found = waiting_now(settings)
    uncertain = uncertain_sessions(current_snapshot())
    lines = [
        (found.reviews, "change request", "to review or publish", "approvals"),
        (found.own_requests, "own request", "to finish", "approvals"),
        (found.alerts, "open alert", "", "monitoring"),
        (found.experiments, "running experiment", "", "experiments"),
        (found.rule_drafts, "unsaved rule set", "", "rules"),
        (uncertain or 0, "session", "to label, with P(agent) from 0.4 to 0.6", "sessions"),
    ]
    shown = [line for line in lines if line[0]]
    st.header("Waiting for you" if shown else "Nothing is waiting for you")
    with st.container(horizontal=True, gap="medium"):
        for n, noun, rest, name in shown:
            page = find_page(name)
            st.page_link(
                page.file,
                label=f"**{format_number_of(n, noun)}** {rest}".strip(),
                icon=page.spec.icon,
            )


def draw_live(settings: Settings) -> None:
    """The release that is live and its rollout, in a line."""
    release = release_now(settings)
    if release is None:
        said = "No release is live; all sessions pay the base price."
    elif release.is_killed:
        said = "**The kill switch is on**; all sessions pay the base price."
    elif not release.version:
        said = f"Base prices are live since {format_moment(release.at_ms)} UTC."
    else:
        others = f", the others {escape(release.stable) or 'base prices'}"
        said = (
            f"**{escape(release.version)}** for {format_percent(release.share)} of the sessions"
            f"{others if release.share < 1 else ''}, since {format_moment(release.at_ms)} UTC."
        )
    st.header("Live")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(said, width="content")
        st.page_link(find_page("live").file, label="Rollout", icon=find_page("live").spec.icon)
