"""Frontier: what prices can reach, revenue against leakage, and the rules of each point."""

import streamlit as st

from phantom_core.views.frontier.frontier import (
    frontier_versions,
    frontier_view,
    points_table,
    source_text,
)
from ui.charts.frame import show_chart
from ui.charts.frontier import frontier_chart
from ui.frame.empty import nothing_loaded, show_missing
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings, current_snapshot
from ui.frame.job_watch import watch_job
from ui.frame.page_spec import PageSpec
from ui.frame.tables import csv_button
from ui.frame.wording import escape, format_count, format_moment, format_percent
from ui.frontier.form import KIND, frontier_form
from ui.frontier.point import choose_point, show_point

PAGE = PageSpec(title="Frontier", icon=":material/show_chart:", section="Pricing", order=75)


def _draw() -> None:
    settings = current_settings()
    versions = frontier_versions(settings)
    with st.expander(
        "Trace what is reachable", icon=":material/show_chart:", expanded=not versions
    ):
        frontier_form(settings)
    watch_job(KIND, "Tracing the frontier")
    if not versions:
        show_missing(
            "No frontier yet",
            "Trace one above: it compares learned rules of every trade-off with the base price, "
            "bands and the best that any policy could do. It needs a trained classifier.",
        )
        return
    version = st.selectbox(
        "Frontier shown", versions, key="frontier", bind="query-params", width=320
    )
    found = frontier_view(settings, str(version))
    about, verdict = found.learned_from, found.verdict
    (st.success if verdict.by_rules else st.info)(escape(verdict.says), icon=":material/flag:")
    if about.problem:
        st.warning(escape(about.problem), icon=":material/warning:")
    chosen = choose_point(found)
    share = (
        f", {format_percent(about.randomised)} of the prices drawn by an experiment"
        if about.source == "log"
        else ""
    )
    show_chart(
        frontier_chart(found, chosen),
        "Less leakage costs revenue: the most that rules, and any policy, can reach",
        f"Of {source_text(found)}: {format_count(about.quotes)} quotes, "
        f"{format_count(about.in_cart)} in a cart{share}; traced at "
        f"{format_moment(found.created_ms)} UTC. Learned rules are measured on actors they did not "
        "learn from; bars are 95 % intervals over actors, with the error of the demand curves. "
        "Colour: change of purchases by humans. Points above +60 % leakage are in the table only.",
        key="frontier_chart",
        download="frontier",
    )
    show_point(settings, found, chosen)
    csv_button("Download all points as CSV", points_table(found), f"{version}.csv", "frontier_csv")


require_frame()
with friendly_errors():
    st.title(PAGE.title)
    st.caption(
        "What prices can reach on this shop at all: revenue against leakage, for every trade-off."
    )
    if current_snapshot().n_sessions:
        _draw()
    else:
        nothing_loaded()
