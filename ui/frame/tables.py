"""Tables: columns that many tables share, and the CSV button."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st
from streamlit.column_config import (
    CheckboxColumn,
    DatetimeColumn,
    NumberColumn,
    ProgressColumn,
    TextColumn,
)

from phantom_core.core.csv_file import csv_of_frame
from phantom_core.views.workspace.snapshot import Snapshot
from ui.frame.wording import escape

if TYPE_CHECKING:
    from streamlit.elements.lib.column_types import ColumnConfig

_COLUMNS: Final[Mapping[str, Callable[[], ColumnConfig]]] = {
    "session_id": lambda: TextColumn("Session"),
    "start": lambda: DatetimeColumn("Start (UTC)", format="YYYY-MM-DD HH:mm", width=135),
    "store_mode": lambda: TextColumn("Store", width=70),
    "label": lambda: TextColumn("Label", width=80),
    "family": lambda: TextColumn("Family", width=140),
    "agent_probability": lambda: ProgressColumn(
        "P(agent)", format="%.2f", min_value=0, max_value=1, width=115, color="orange"
    ),
    "events": lambda: NumberColumn("Events", format="localized", width=70),
    "duration_s": lambda: NumberColumn("Duration, s", format="%.1f", width=80),
    "events_per_min": lambda: NumberColumn("Events/min", format="%.1f", width=90),
    "item_views": lambda: NumberColumn("Item views", width=90),
    "cart_adds": lambda: NumberColumn("In cart", width=70),
    "purchased": lambda: CheckboxColumn("Bought", width=70),
    "revenue": lambda: NumberColumn("Paid", format="localized", width=75),
}


def session_columns(
    rows: pd.DataFrame, snapshot: Snapshot
) -> tuple[list[str], dict[str, ColumnConfig]]:
    """Columns of a table of sessions that have values, in order, and their configuration.

    Args:
        rows: sessions.
        snapshot: says whether there are probabilities.
    """
    hidden = set[str]() if snapshot.threshold is not None else {"agent_probability"}
    if "family" in rows and rows["family"].isna().all():
        hidden.add("family")
    order = [name for name in rows.columns if name in _COLUMNS and name not in hidden]
    return order, {name: _COLUMNS[name]() for name in order}


def csv_button(label: str, rows: pd.DataFrame, file_name: str, key: str) -> None:
    """A button that downloads a table as CSV."""
    st.download_button(
        escape(label),
        lambda: csv_of_frame(rows),
        file_name=file_name,
        mime="text/csv",
        icon=":material/download:",
        key=key,
        on_click="ignore",
    )
