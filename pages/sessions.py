"""Sessions: filter them, and open one as a timeline."""

import datetime as dt

import streamlit as st

from phantom_core.views.sessions.sessions import (
    MAX_ROWS,
    SORTS,
    SessionChoices,
    SessionFilter,
    Sessions,
    Sort,
    session_choices,
    sessions_view,
)
from ui.frame.empty import nothing_loaded
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_snapshot
from ui.frame.page_spec import PageSpec
from ui.frame.tables import csv_button, session_columns
from ui.frame.wording import format_count, format_number_of, format_percent
from ui.sessions.session_detail import session_detail

PAGE = PageSpec(title="Sessions", icon=":material/timeline:", section="Events", order=30)

DAY = dt.timedelta(days=1)


def draw_filter(choices: SessionChoices, has_model: bool) -> tuple[SessionFilter, Sort]:
    """Filters and sort order, all stored in the URL."""
    with st.grid(5, min_column_width=195, gap="small"):
        text = st.text_input(
            "Session or experiment", placeholder="part of an ID", key="q", bind="query-params"
        )
        stores = st.multiselect(
            "Store", choices.store_modes, key="store", bind="query-params", placeholder="all"
        )
        labels = st.multiselect(
            "Label", choices.labels, key="label", bind="query-params", placeholder="all"
        )
        families = (
            st.multiselect(
                "Family", choices.families, key="family", bind="query-params", placeholder="all"
            )
            if choices.families
            else []
        )
        bought = st.selectbox(
            "Purchase",
            ["with", "without"],
            index=None,
            placeholder="all",
            key="bought",
            bind="query-params",
        )
        events = st.number_input(
            "Minimum number of events", 1, 10_000, 1, key="events", bind="query-params"
        )
        period = st.date_input(
            "First event (UTC)",
            value=[],
            key="days",
            bind="query-params",
            help="A single day, or a date range.",
        )
        low, high = (
            st.slider("P(agent)", 0.0, 1.0, (0.0, 1.0), 0.05, key="p", bind="query-params")
            if has_model
            else (0.0, 1.0)
        )
        sort = st.selectbox("Sort by", SORTS, key="sort", bind="query-params")
    days = sorted(period) if isinstance(period, tuple) else [period]
    chosen = SessionFilter(
        text=text,
        store_modes=stores,
        labels=labels,
        families=families,
        low=low,
        high=high,
        start_ms=midnight_ms(days[0]) if days else None,
        end_ms=midnight_ms(days[-1] + DAY) if days else None,
        min_events=events,
        purchased=None if bought is None else bought == "with",
    )
    return chosen, sort


def midnight_ms(day: dt.date) -> int:
    """Start of a day, UTC milliseconds."""
    return int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp() * 1_000)


def open_selected() -> None:
    """Put the selected row's session into the URL."""
    rows = st.session_state["sessions_table"]["selection"]["rows"]
    if rows:
        st.query_params["session"] = st.session_state["sessions_shown"][rows[0]]
    else:
        st.query_params.pop("session", None)


def describe_matches(view: Sessions) -> str:
    """Number of sessions that match the filter."""
    part = (
        ""
        if view.n_matching == view.n_all
        else f" of {format_count(view.n_all)} ({format_percent(view.n_matching / view.n_all, 1)})"
    )
    expected = (
        ""
        if view.n_agents_expected is None
        else f" · {format_count(view.n_agents_expected)} expected agents"
    )
    listed = f" · first {format_count(MAX_ROWS)} shown" if view.n_matching > MAX_ROWS else ""
    return f"**{format_number_of(view.n_matching, 'session')}**{part}{expected}{listed}"


require_frame()
with friendly_errors():
    st.title(PAGE.title)
    data = current_snapshot()
    if not data.n_sessions:
        nothing_loaded()
        st.stop()
    chosen, sort = draw_filter(session_choices(data), data.threshold is not None)
    view = sessions_view(data, chosen, sort)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(describe_matches(view))
        csv_button("Download sessions as CSV", view.rows, "sessions.csv", "sessions_csv")
    session_id = st.query_params.get("session")
    if view.n_matching:
        order, shown = session_columns(view.rows, data)
        st.session_state["sessions_shown"] = view.rows["session_id"].tolist()
        st.dataframe(
            view.rows,
            hide_index=True,
            placeholder="–",
            column_order=order,
            column_config=shown,
            height=250 if session_id else 460,
            on_select=open_selected,
            selection_mode="single-row",
            key="sessions_table",
        )
    else:
        st.info(
            "No sessions match this filter. Widen it, or clear a field.",
            icon=":material/filter_alt_off:",
        )
    if session_id:
        session_detail(data, session_id)
    elif view.n_matching:
        st.caption("Select a row to open the session timeline.")
