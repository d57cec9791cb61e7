"""Row click: a click on a row of a table opens what the row stands for."""

from collections.abc import Sequence

import streamlit as st

from ui.frame.linked import set_widgets

_CLICKED = "rows_clicked"


def open_clicked_row(table_key: str, names: Sequence[object], opens: str) -> None:
    """Set a widget to what was clicked in a table, and run again; after the table was drawn.

    Args:
        table_key: of a table that is drawn with `on_select="rerun"`, one row at a time.
        names: what each row stands for.
        opens: key of the widget that holds what is open.
    """
    state = st.session_state.get(table_key)
    rows: Sequence[int] = state["selection"]["rows"] if state else ()
    clicked = names[rows[0]] if rows and rows[0] < len(names) else None
    seen: dict[str, object] = st.session_state.setdefault(_CLICKED, {})
    if clicked == seen.get(table_key):
        return
    seen[table_key] = clicked
    if clicked is not None and st.session_state.get(opens) != clicked:
        set_widgets({opens: clicked})
        st.rerun()
