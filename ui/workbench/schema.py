"""Schema: the tables of the workbench and their columns."""

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.views.workbench.workbench import table_columns
from phantom_core.views.workspace.snapshot import Snapshot
from ui.frame.wording import code_span, escape

_FIRST = ("sessions", "events", "quotes", "decisions")


def draw_schema(settings: Settings, snapshot: Snapshot) -> None:
    """Draw every table with the types of its columns, the ones most asked for first."""
    st.markdown("**Tables**")
    found = table_columns(settings, snapshot)
    order = sorted(found, key=lambda name: (name not in _FIRST, *_position(name), name))
    for table in order:
        with st.expander(f"{escape(table)} · {len(found[table]):d} columns"):
            st.markdown(
                "\n".join(
                    f"- {code_span(column)} :small[{escape(kind.lower())}]"
                    for column, kind in found[table].items()
                )
            )


def _position(name: str) -> tuple[int, ...]:
    return (_FIRST.index(name),) if name in _FIRST else ()
