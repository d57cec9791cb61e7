"""Editor: write a query, open or save one, run it, and cancel it."""

from typing import Final

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.use_cases.workbench.saved_queries import (
    EXAMPLES,
    delete_query,
    query_names,
    read_query,
    save_query,
)
from phantom_core.views.workbench.query_run import QueryRun
from phantom_core.views.workbench.workbench import start_query
from phantom_core.views.workspace.snapshot import Snapshot
from ui.accounts.account import is_allowed
from ui.frame.errors import friendly_errors
from ui.frame.fragments import callback, fragment
from ui.frame.wording import format_duration

RUN: Final = "sql_run"
_TEXT: Final = "sql"
_LOOK_EVERY_S: Final = 0.5
_FIRST: Final = next(iter(EXAMPLES.values()))


def draw_editor(settings: Settings, snapshot: Snapshot) -> None:
    """Draw the saved queries, the text, and what can be done with it."""
    saved = query_names(settings)
    st.selectbox(
        "Open a query",
        [*saved, *EXAMPLES],
        index=None,
        placeholder="Saved queries and examples",
        key="sql_name",
        on_change=callback(_open),
        args=(settings,),
    )
    st.session_state.setdefault(_TEXT, _FIRST)
    sql = str(st.text_area("Query", height=220, key=_TEXT, bind="query-params") or "")
    running = current_run()
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Run query",
            type="primary",
            icon=":material/play_arrow:",
            disabled=bool(running and running.state == "running"),
            key="sql_start",
        ):
            with friendly_errors():
                st.session_state[RUN] = start_query(settings, snapshot, sql)
                st.rerun()
        if is_allowed(Permission.WORK):
            _save(settings, sql)
            _delete(settings, saved)
    if running and running.state == "running":
        _progress()


def current_run() -> QueryRun | None:
    """The newest query of this reader; None before the first."""
    found = st.session_state.get(RUN)
    return found if isinstance(found, QueryRun) else None


def _open(settings: Settings) -> None:
    if name := st.session_state.get("sql_name"):
        st.session_state[_TEXT] = read_query(settings, str(name))


def _save(settings: Settings, sql: str) -> None:
    with st.popover("Save", icon=":material/save:", key="sql_save_open"):
        name = st.text_input("Name", key="sql_save_name")
        if st.button("Save query", type="primary", key="sql_save"):
            with friendly_errors():
                save_query(settings, name, sql)
                st.rerun()


def _delete(settings: Settings, saved: tuple[str, ...]) -> None:
    name = str(st.session_state.get("sql_name") or "")
    if name not in saved:
        return
    with st.popover("Delete", icon=":material/delete:", key="sql_delete_open"):
        st.markdown("This deletes the saved query for everyone who uses the workspace.")
        if st.button("Delete query", key="sql_delete"):
            with friendly_errors():
                delete_query(settings, name)
                st.rerun()


@fragment(run_every=_LOOK_EVERY_S)
def _progress() -> None:
    running = current_run()
    if running is None or running.state != "running":
        st.rerun()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Running for {format_duration(running.seconds)} …")
        st.button(
            "Cancel",
            icon=":material/stop_circle:",
            on_click=callback(running.cancel),
            key="sql_cancel",
        )
