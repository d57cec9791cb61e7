"""Overview: the loaded data, its key figures, and recommended next steps."""

import streamlit as st

from phantom_core.views.overview.overview import Overview, overview_view
from ui.charts.frame import show_chart
from ui.charts.overview import conversion_chart, traffic_chart
from ui.frame.empty import nothing_loaded
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings, current_snapshot
from ui.frame.page_spec import PageSpec, find_page
from ui.frame.wording import (
    escape,
    format_count,
    format_estimate,
    format_interval,
    format_money,
    format_number_of,
    format_percent,
    format_period,
)

PAGE = PageSpec(title="Overview", icon=":material/dashboard:", section="", order=10)


def loaded_line(view: Overview) -> None:
    """Counts of the loaded data, in one row."""
    loaded = view.loaded
    with st.grid(5, min_column_width=135, border=True, gap="small"):
        st.metric(
            "Sessions",
            format_count(loaded.sessions),
            help="Sessions with at least one accepted event.",
        )
        st.metric("Events", format_count(loaded.events))
        st.metric(
            "Quotes",
            format_count(loaded.quotes),
            help="Prices that the shop displayed, from quote logs.",
        )
        st.metric(
            "Labelled",
            format_percent(loaded.labelled_share),
            help="Share of sessions known to be human or agent, from experiments or labels.",
        )
        st.metric(
            "In quarantine",
            format_percent(loaded.quarantined_share),
            help="Share of the rows read that were rejected.",
        )


def agents(view: Overview) -> None:
    """Share of agents, and quality of the classifier."""
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
    if view.expected_agents is not None:
        st.metric(
            "Expected agents",
            format_count(view.expected_agents),
            f"{format_percent(view.expected_agents / view.loaded.sessions)} of all sessions",
            delta_color="off",
            delta_arrow="off",
            help="Sum of P(agent) over all sessions, from the newest classifier.",
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
        st.metric(
            "Precision at 80 % recall",
            format_percent(report.ranking.precision_at_recall_80.value),
            f"velocity rule {format_percent(rule.precision)} at {format_percent(rule.recall)} "
            "recall",
            delta_color="off",
            delta_arrow="off",
            help="Share of agents among the flagged sessions when 80 % of the agents are found.",
        )


def traffic_statement(view: Overview) -> str:
    """Finding of the traffic chart."""
    busiest = view.traffic.groupby("start")["sessions"].sum()
    by = ", by the classifier's decision" if view.is_by_decision else ""
    return (
        f"{format_number_of(view.loaded.sessions, 'session')}, peak of "
        f"{format_count(busiest.max())} per {view.bin_width}{by}"
    )


def conversion_statement(view: Overview) -> str:
    """Finding of the conversion chart."""
    by_label = {figures.label: figures.conversion for figures in view.classes}
    if not {"human", "agent"} <= set(by_label):
        return (
            f"{format_percent(view.classes[0].conversion.value, 1)} of sessions end in a purchase"
        )
    human, agent = by_label["human"], by_label["agent"]
    if human.low <= agent.high and agent.low <= human.high:
        return (
            "No significant difference in conversion: humans "
            f"{format_percent(human.value, 1)}, agents {format_percent(agent.value, 1)}"
        )
    if human.value > agent.value:
        return (
            f"Humans convert more often than agents: {format_percent(human.value, 1)} vs "
            f"{format_percent(agent.value, 1)}"
        )
    return (
        f"Agents convert more often than humans: {format_percent(agent.value, 1)} vs "
        f"{format_percent(human.value, 1)}"
    )


def classes_table(view: Overview) -> None:
    """Revenue by class."""
    st.dataframe(
        {
            "Class": [figures.label for figures in view.classes],
            "Sessions": [format_count(figures.sessions) for figures in view.classes],
            "Revenue": [format_money(figures.revenue) for figures in view.classes],
            "Revenue per session": [
                format_money(figures.revenue_per_session) for figures in view.classes
            ],
        },
        hide_index=True,
    )


def draw_next_steps(view: Overview) -> None:
    """Recommended actions, each with its link."""
    st.subheader("Recommended next steps")
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


require_frame()
with friendly_errors():
    st.title(PAGE.title)
    view = overview_view(current_snapshot(), current_settings())
    if not view.loaded.sessions:
        nothing_loaded()
        st.stop()
    st.caption(
        f"{format_period(view.loaded.start_ms, view.loaded.end_ms)} UTC, from "
        f"{format_number_of(view.loaded.files, 'file')}"
    )
    loaded_line(view)
    with st.grid(4, min_column_width=250, gap="small"):
        agents(view)
    draw_next_steps(view)
    with st.grid(3, min_column_width=390, gap="medium") as grid:
        with grid.cell(column_span=2):
            show_chart(
                traffic_chart(view.traffic, view.bin_width_ms),
                traffic_statement(view),
                "Sessions by time of their first event.",
                key="traffic",
            )
        with grid.cell():
            show_chart(
                conversion_chart(view.classes),
                conversion_statement(view),
                "Share of sessions with a purchase; whiskers are 95 % confidence intervals.",
                key="conversion",
            )
            classes_table(view)
