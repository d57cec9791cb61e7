"""Threshold tab: confusion and expected cost by threshold."""

import streamlit as st

from phantom_core.evaluation.metrics import Confusion
from phantom_core.evaluation.report import ClassifierReport
from phantom_core.views.classifier.decision import Costs, MoneyCurve, confusion_at, money_curve
from ui.charts.decision import confusion_chart, money_chart
from ui.charts.frame import show_chart
from ui.frame.metrics import show_metric
from ui.frame.wording import format_count, format_percent

_KEYS = ("human_cost", "leak_cost", "threshold")
_ORDERS = "In units of the average order."


def threshold_tab(report: ClassifierReport) -> None:
    """Choose costs and a threshold, show their effect."""
    _forget_other_model(report.model_version)
    chosen = report.threshold
    human, leak, slider = st.columns([1, 1, 2], gap="medium")
    human_cost = human.number_input(
        "Cost of marking up a human",
        0.0,
        100.0,
        chosen.marking_up_human_cost,
        0.05,
        key="human_cost",
        bind="query-params",
        help=_ORDERS,
    )
    leak_cost = leak.number_input(
        "Cost of not marking up an agent",
        0.0,
        100.0,
        chosen.leaking_to_agent_cost,
        0.05,
        key="leak_cost",
        bind="query-params",
        help=_ORDERS,
    )
    threshold = slider.slider(
        "Threshold on P(agent)",
        0.0,
        1.0,
        chosen.threshold,
        0.005,
        format="%.3f",
        key="threshold",
        bind="query-params",
    )
    curve, counted = (
        money_curve(report, Costs(human_cost, leak_cost)),
        confusion_at(report, threshold),
    )
    _figures(report, counted, curve, threshold)
    with st.grid(2, min_column_width=420, gap="medium") as grid:
        with grid.cell():
            show_chart(
                money_chart(curve, threshold),
                _finding(curve),
                "The star is the threshold of lowest cost, the diamond the one chosen above; "
                "dashed lines are baselines without a model.",
                key="money",
            )
        with grid.cell():
            finding = (
                f"At {threshold:.3f}, {format_percent(counted.recall)} of agents and "
                f"{format_percent(_human_share(counted))} of humans are marked up"
            )
            show_chart(
                confusion_chart(counted),
                finding,
                "Full colour is marked up, pale is not.",
                key="confusion",
            )
            _table(counted)


def _finding(curve: MoneyCurve) -> str:
    if not curve.agent_buying_rate:
        return (
            "No agent bought, so mark-ups save nothing; if all agents bought, the best threshold "
            f"would be {curve.best_threshold:.3f}"
        )
    return (
        f"Threshold {curve.best_threshold:.3f} has the lowest cost: {curve.best_cost:.4f} average "
        f"orders per session; {format_percent(curve.agent_buying_rate, 1)} of agents buy"
    )


def _forget_other_model(version: str) -> None:
    """Reset the widgets when another model is chosen, since it has its own threshold."""
    if st.session_state.get("threshold_of", version) != version:
        for key in _KEYS:
            st.session_state.pop(key, None)
    st.session_state["threshold_of"] = version


def _figures(
    report: ClassifierReport, counted: Confusion, curve: MoneyCurve, threshold: float
) -> None:
    marked = counted.agents_found + counted.humans_marked
    n_sessions = marked + counted.agents_missed + counted.humans_left
    base_rate, trivial = (
        format_percent(report.baselines.base_rate, 1),
        min(curve.nobody_cost, curve.everybody_cost),
    )
    with st.grid(5, min_column_width=200, gap="small"):
        show_metric(
            "Precision",
            format_percent(counted.precision, 1),
            f"mark up all {base_rate}",
            "Share of agents among the sessions marked up.",
        )
        show_metric(
            "Recall",
            format_percent(counted.recall, 1),
            "mark up all 100 %",
            "Share of agents that are marked up.",
        )
        show_metric(
            "Humans marked up",
            format_percent(_human_share(counted), 1),
            format_count(counted.humans_marked),
            "Of all labelled humans.",
        )
        show_metric(
            "Sessions marked up",
            format_percent(marked / n_sessions, 1),
            format_count(marked),
            "Of all labelled sessions.",
        )
        show_metric(
            "Cost per session",
            f"{curve.cost_at(threshold):.4f}",
            f"best without a model {trivial:.4f}",
            _ORDERS,
        )


def _human_share(counted: Confusion) -> float:
    return counted.humans_marked / max(1, counted.humans_marked + counted.humans_left)


def _table(counted: Confusion) -> None:
    st.dataframe(
        {
            "": ["human", "agent"],
            "not marked up": [
                format_count(counted.humans_left),
                format_count(counted.agents_missed),
            ],
            "marked up": [format_count(counted.humans_marked), format_count(counted.agents_found)],
        },
        hide_index=True,
    )
