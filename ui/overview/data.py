"""Data behind the overview: how much there is, how fresh it is, and how agents are known."""

import streamlit as st

from phantom_core.views.overview.overview import Overview
from ui.charts.frame import show_chart
from ui.charts.overview import traffic_chart
from ui.frame.handles import now_ms
from ui.frame.page_spec import find_page
from ui.frame.wording import (
    escape,
    format_count,
    format_duration,
    format_estimate,
    format_interval,
    format_moment,
    format_number_of,
    format_percent,
)


def draw_data(view: Overview) -> None:
    """Freshness, counts, the classifier and the traffic."""
    loaded = view.loaded
    st.header("Data and classifier")
    age_s = (now_ms() - (loaded.end_ms or 0)) / 1_000
    st.caption(
        f"Newest event {format_moment(loaded.end_ms)} UTC, {format_duration(max(0.0, age_s))} ago; "
        f"{format_number_of(loaded.files, 'file')} loaded."
    )
    with st.grid(4, min_column_width=200, gap="small"):
        _counts(view)
        _agents(view)
    show_chart(
        traffic_chart(view.traffic, view.bin_width_ms),
        _traffic_statement(view),
        "Sessions by time of their first event.",
        key="traffic",
    )


def draw_next_steps(view: Overview) -> None:
    """Recommended actions, each with its link."""
    if not view.next_steps:
        return
    st.header("Recommended next steps")
    with st.grid("auto", min_column_width=300, gap="small", border=True) as grid:
        for entry in view.next_steps:
            with grid.cell():
                query = {f"{entry.page}_tab": entry.tab} if entry.tab else None
                page = find_page(entry.page)
                st.page_link(
                    page.file,
                    label=f"**{escape(entry.what)}**",
                    icon=page.spec.icon,
                    query_params=query,
                )
                st.caption(escape(entry.why))


def _counts(view: Overview) -> None:
    loaded = view.loaded
    st.metric(
        "Sessions",
        format_count(loaded.sessions),
        f"{format_count(loaded.events)} events, {format_count(loaded.quotes)} quotes",
        delta_color="off",
        delta_arrow="off",
        help="Sessions with at least one accepted event.",
    )
    st.metric(
        "Labelled",
        format_percent(loaded.labelled_share),
        f"in quarantine: {format_percent(loaded.quarantined_share)} of the rows",
        delta_color="off",
        delta_arrow="off",
        help="Share of sessions known to be human or agent, from experiments or labels.",
    )


def _agents(view: Overview) -> None:
    share, report = view.agent_share, view.report
    if share:
        st.metric(
            "Agents among labelled sessions",
            format_percent(share.value),
            f"95 %: {format_interval(share)}",
            delta_color="off",
            delta_arrow="off",
            help="The interval treats the sessions of one experiment as one actor.",
        )
    if report:
        rule = report.baselines.velocity_rule
        st.metric(
            "Classifier, ROC-AUC",
            f"{report.ranking.roc_auc.value:.3f}",
            f"velocity rule {rule.roc_auc.value:.3f}",
            delta_color="off",
            delta_arrow="off",
            help=f"On held-out actors: {format_estimate(report.ranking.roc_auc)}. 0.5 is random.",
        )


def _traffic_statement(view: Overview) -> str:
    busiest = view.traffic.groupby("start")["sessions"].sum()
    by = ", by the classifier's decision" if view.is_by_decision else ""
    return (
        f"{format_number_of(view.loaded.sessions, 'session')}, peak of "
        f"{format_count(busiest.max())} per {view.bin_width}{by}"
    )
