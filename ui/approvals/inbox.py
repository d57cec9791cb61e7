"""Inbox: change requests, those first that wait for the reader."""

from typing import Final

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.approvals.change_request import Request
from phantom_core.approvals.requests import decisions_of
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.views.approvals.change_requests import inbox_table, waiting_for
from ui.accounts.account import current_person, is_allowed
from ui.approvals.propose import REQUEST
from ui.frame.row_click import open_clicked_row
from ui.frame.wording import escape

_TABLE: Final = "inbox_table"
WAITING: Final = "Waiting for you"
OPEN: Final = "Open"
ALL: Final = "All"
_CLOSED: Final = ("withdrawn", "superseded", "rolled back", "expired")
MARKS: Final = {
    "draft": ":gray-badge[draft]",
    "submitted": ":blue-badge[submitted]",
    "approved": ":green-badge[approved]",
    "scheduled": ":green-badge[scheduled]",
    "live": ":primary-badge[live]",
    "rejected": ":red-badge[rejected]",
    "rolled back": ":orange-badge[rolled back]",
}


def draw_inbox(settings: Settings, found: list[Request]) -> int | None:
    """Choose a request; returns its number."""
    waiting = _waiting(settings, found)
    lists = {WAITING: waiting, OPEN: [one for one in found if one.state not in _CLOSED], ALL: found}
    shown_lists = {name: these for name, these in lists.items() if these or name == ALL}
    if len(shown_lists) > 1:
        named = {f"{name} ({len(these)})": these for name, these in shown_lists.items()}
        view = st.segmented_control(
            "Requests",
            list(named),
            default=next(iter(named)),
            required=True,
            label_visibility="collapsed",
            key="inbox_view",
        )
        shown = named.get(str(view), found)
    else:
        shown = found
    st.dataframe(
        inbox_table(shown),
        hide_index=True,
        height="content" if len(shown) < 8 else 300,
        key=_TABLE,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "request": st.column_config.NumberColumn("Request", width=70, format="%d"),
            "state": st.column_config.TextColumn("State", width=90),
            "name": st.column_config.TextColumn("Rules", width=130),
            "author": st.column_config.TextColumn("Author", width=130),
            "why": st.column_config.TextColumn("Reason"),
            "share": st.column_config.NumberColumn("Rollout", format="percent", width=70),
            "changed": st.column_config.DatetimeColumn(
                "Changed, UTC", format="YYYY-MM-DD HH:mm", width=140
            ),
        },
    )
    open_clicked_row(_TABLE, [one.request_id for one in shown], REQUEST)
    numbers = [one.request_id for one in shown] or [one.request_id for one in found]
    titles = {one.request_id: f"{one.request_id} · {one.name}" for one in found}
    wanted = str(st.query_params.get(REQUEST, ""))
    if wanted.isdigit() and int(wanted) in titles and int(wanted) not in numbers:
        numbers = [int(wanted), *numbers]
    chosen = st.selectbox(
        "Request",
        numbers,
        key=REQUEST,
        bind="query-params",
        format_func=lambda n: titles.get(n, str(n)),
        width=420,
    )
    return int(chosen) if chosen is not None else None


def state_badge(state: str) -> str:
    """A state as a badge."""
    return MARKS.get(state, f":gray-badge[{escape(state)}]")


def _waiting(settings: Settings, found: list[Request]) -> list[Request]:
    who = current_person()
    if who is None:
        return []
    with control_database(settings).connect() as connection:
        said = {
            one.request_id: decisions_of(connection, one.request_id)
            for one in found
            if one.state == "submitted"
        }
    return waiting_for(found, said, who.login, is_approver=is_allowed(Permission.APPROVE))
