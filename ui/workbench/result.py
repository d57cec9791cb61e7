"""Result: the rows of a query as a table, as a chart, and to download."""

from typing import Final

import pandas as pd
import streamlit as st

from phantom_core.views.workbench.query_run import QueryRun
from ui.charts.frame import show_chart
from ui.charts.workbench import KINDS, result_chart
from ui.frame.errors import show_error
from ui.frame.tables import csv_button
from ui.frame.wording import escape, format_duration, format_number_of
from ui.workbench.editor import current_run

_MOST_POINTS: Final = 5_000


def draw_result() -> None:
    """Draw what came of the newest query."""
    found = current_run()
    if found is None or found.state == "running":
        return
    if found.state == "failed":
        show_error(found.problem)
    elif found.state == "cancelled":
        st.info("The query was cancelled.", icon=":material/cancel:")
    elif found.table is not None:
        _draw(found, found.table.to_pandas())


def _draw(found: QueryRun, rows: pd.DataFrame) -> None:
    cut = "; there are more, which a LIMIT or an aggregate would reach" if found.is_cut else ""
    st.caption(
        f"{format_number_of(len(rows), 'row')} in {format_duration(found.seconds)}{cut}. Times in "
        "milliseconds are UTC."
    )
    table, chart = st.tabs(["Table", "Chart"], key="sql_tab", bind="query-params")
    if table.open:
        with table:
            st.dataframe(rows, hide_index=True, placeholder="–", height="auto")
            csv_button("Download as CSV", rows, "query.csv", "sql_csv")
    if chart.open:
        with chart:
            _chart(rows)


def _chart(rows: pd.DataFrame) -> None:
    numbers = [str(name) for name in rows.select_dtypes("number").columns]
    if not numbers or len(rows.columns) < 2:
        st.info("A chart needs two columns, one of them a number.", icon=":material/show_chart:")
        return
    names = [str(name) for name in rows.columns]
    with st.grid(4, min_column_width=140, gap="small"):
        kind = st.selectbox("Kind", list(KINDS), key="sql_chart_kind")
        x = st.selectbox("Horizontal", names, key="sql_chart_x")
        y = st.selectbox(
            "Vertical",
            [name for name in numbers if name != x] or numbers,
            key="sql_chart_y",
        )
        colour = st.selectbox(
            "Colour by",
            [name for name in names if name not in (x, y)],
            index=None,
            key="sql_chart_colour",
        )
    shown = rows.head(_MOST_POINTS)
    less = f"The first {_MOST_POINTS:,} rows." if len(rows) > _MOST_POINTS else ""
    show_chart(
        result_chart(shown, str(kind), str(x), str(y), str(colour) if colour else None),
        f"{escape(str(y))} by {escape(str(x))}",
        less,
        key="sql_chart",
        download="query",
    )
