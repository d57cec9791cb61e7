"""Session detail: timeline, features, events and related sessions of one session."""

from urllib.parse import quote

import pandas as pd
import streamlit as st

from phantom_core.views.sessions.session import (
    MAX_OTHERS,
    SessionView,
    session_events,
    session_view,
)
from phantom_core.views.workspace.snapshot import Snapshot
from ui.charts.frame import show_chart
from ui.charts.session import timeline_chart
from ui.frame.tables import csv_button, session_columns
from ui.frame.wording import (
    escape,
    feature_name,
    format_count,
    format_duration,
    format_moment,
    format_money,
    format_number_of,
)

COLOUR_NAMES = {"human": "blue", "agent": "orange", "unknown": "gray"}


def session_detail(snapshot: Snapshot, session_id: str) -> None:
    """Show one session.

    Raises:
        NotFoundError: there is no session with this ID.
    """
    view = session_view(snapshot, session_id)
    st.header(f"Session {escape(view.session_id)}")
    _headline(view, snapshot)
    if snapshot.threshold is not None:
        why = {"explain_tab": "One session", "session": session_id}
        st.page_link(
            "pages/explain.py",
            label="Explain this score",
            icon=":material/psychology:",
            query_params=why,
        )
    show_chart(
        timeline_chart(view),
        _finding(view),
        "Each dot is an event. The lower part shows prices: quoted, seen with an event, and paid.",
        key="timeline",
    )
    if view.n_events > len(view.events):
        st.caption(
            f"The first {format_count(len(view.events))} of {format_count(view.n_events)} events "
            "are shown."
        )
    features, others, events = st.tabs(
        [
            "Features",
            f"Same actor ({format_count(view.n_others)})",
            f"Events ({format_count(view.n_events)})",
        ]
    )
    with features:
        _features(view)
    with others:
        _others(view, snapshot)
    with events:
        st.dataframe(
            view.events,
            hide_index=True,
            placeholder="",
            column_config={
                "at": st.column_config.DatetimeColumn("at (UTC)", format="HH:mm:ss.SSS")
            },
        )
        whole = (
            view.events
            if view.n_events == len(view.events)
            else session_events(snapshot, session_id)
        )
        csv_button(
            "Download events as CSV",
            whole,
            f"session_{quote(session_id, safe='')}.csv",
            "session_csv",
        )


def _headline(view: SessionView, snapshot: Snapshot) -> None:
    badges = [
        f":{COLOUR_NAMES[view.label]}-badge[{escape(view.label)}]",
        f":gray-badge[{escape(view.store_mode)}]",
    ]
    badges += [f":gray-badge[{escape(view.family.replace('_', ' '))}]"] if view.family else []
    badges += [":violet-badge[bought]"] if view.purchased else []
    st.markdown(
        f"{' '.join(badges)} :small[{format_moment(view.start_ms)} UTC · "
        f"{escape(view.user_agent) or 'no user agent'}]"
    )
    with st.grid(4, min_column_width=170, gap="small"):
        if view.agent_probability is not None and snapshot.threshold is not None:
            decided = "agent" if view.agent_probability >= snapshot.threshold else "human"
            st.metric(
                "P(agent)",
                f"{view.agent_probability:.2f}",
                f"classified as {decided}; threshold {snapshot.threshold:.2f}",
                delta_color="off",
                delta_arrow="off",
                help="From the newest classifier; for a training session, by a model without its "
                "actor in training.",
            )
        st.metric("Duration", format_duration((view.end_ms - view.start_ms) / 1_000))
        st.metric("Events", format_count(view.n_events))
        st.metric("Paid", format_money(view.total_revenue))


def _finding(view: SessionView) -> str:
    products = view.events["product_id"].nunique()
    paid = (
        ", then purchased at an unknown price"
        if view.total_revenue is None
        else f", then paid {format_money(view.total_revenue)}"
    )
    outcome = paid if view.purchased else ", no purchase"
    return (
        f"{format_number_of(view.n_events, 'event')} in "
        f"{format_duration((view.end_ms - view.start_ms) / 1_000)} over "
        f"{format_number_of(products, 'product')}{outcome}"
    )


def _features(view: SessionView) -> None:
    """Features beside typical values, least human-like first."""
    table = view.features.assign(
        name=[feature_name(name) for name in view.features["name"]],
        **{
            column: [_value(value) for value in view.features[column]]
            for column in ("value", "human_typical", "agent_typical")
        },
    )
    has = {
        label: bool(view.features[f"{label}_below"].notna().any()) for label in ("human", "agent")
    }
    order = [
        "name",
        "value",
        *[
            f"{label}_{what}"
            for what in ("typical", "below")
            for label, known in has.items()
            if known
        ],
        "unit",
        "meaning",
    ]
    if not all(has.values()):
        st.caption("Load labels of humans and agents to compare with typical values.")
    st.dataframe(
        table[order],
        hide_index=True,
        placeholder="–",
        height=430,
        column_config={
            "name": st.column_config.TextColumn("Feature", width=190, pinned=True),
            "value": st.column_config.TextColumn("This session", width=95, alignment="right"),
            "human_typical": st.column_config.TextColumn(
                "Median human",
                width=105,
                alignment="right",
                help="Of a category: the most common value.",
            ),
            "agent_typical": st.column_config.TextColumn(
                "Median agent",
                width=105,
                alignment="right",
                help="Of a category: the most common value.",
            ),
            "human_below": st.column_config.ProgressColumn(
                "Rank, humans",
                width=125,
                format="percent",
                min_value=0,
                max_value=1,
                color="blue",
                help="Percentile among human sessions; ties count half.",
            ),
            "agent_below": st.column_config.ProgressColumn(
                "Rank, agents",
                width=125,
                format="percent",
                min_value=0,
                max_value=1,
                color="orange",
                help="Percentile among agent sessions; ties count half.",
            ),
            "unit": st.column_config.TextColumn("Unit", width=85),
            "meaning": st.column_config.TextColumn("Meaning", width=330),
        },
    )


def _value(value: object) -> str:
    """A feature's value as text; whole numbers without decimals, yes and no for flags."""
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return "–"
    if isinstance(value, str):
        return value
    if str(value) in ("True", "False"):
        return "yes" if str(value) == "True" else "no"
    number = float(str(value))
    return (
        f"{number:,.0f}"
        if number == int(number)
        else f"{number:,.3g}"
        if abs(number) < 100
        else f"{number:,.1f}"
    )


def _others(view: SessionView, snapshot: Snapshot) -> None:
    if view.experiment_id is None:
        st.caption(
            "The session belongs to no experiment, so other sessions of its actor are unknown."
        )
        return
    st.caption(
        f"Experiment {escape(view.experiment_id)}: "
        f"{format_number_of(view.n_others, 'other session')}"
        + (f", newest {MAX_OTHERS} shown." if view.n_others > MAX_OTHERS else ".")
    )
    if len(view.others):
        order, shown = session_columns(view.others, snapshot)
        links = view.others.assign(
            open=[f"?session={quote(name)}" for name in view.others["session_id"]]
        )
        st.dataframe(
            links,
            hide_index=True,
            column_order=["open", *order],
            placeholder="",
            column_config={
                **shown,
                "open": st.column_config.LinkColumn(
                    "", display_text=":material/open_in_new:", width=40
                ),
            },
        )
