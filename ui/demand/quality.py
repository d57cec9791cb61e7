"""Verdict tab: how well the network does on both tasks, beside its single-task twins, trees and
guessing.
"""

from collections.abc import Sequence

import streamlit as st

from phantom_core.evaluation.multitask_report import SINGLE_TASK, MultitaskReport
from phantom_core.evaluation.price_response import ElasticityEstimate
from phantom_core.evaluation.task import ComparisonModel, TaskReport
from phantom_core.views.demand.multitask import losses_of
from ui.charts.classifier import calibration_chart
from ui.charts.demand import bands_chart, losses_chart, rivals_chart
from ui.charts.frame import show_chart
from ui.frame.metrics import show_metric
from ui.frame.wording import format_estimate, format_number_of, format_percent

_RIVALS = (
    "Same folds for all. The network's interval is its own; that of the others is of their "
    "distance to it, on the same shoppers."
)


def verdict_tab(report: MultitaskReport) -> None:
    """Figures, then what they stand on."""
    if report.leak_suspects:
        st.warning(
            f"**Too good to be honest:** {', '.join(report.leak_suspects)} alone tells who buys. "
            "Does it know what came after the offer?",
            icon=":material/warning:",
        )
    _figures(report)
    with st.container(border=True, key="verdict_words"):
        for sentence in _words(report):
            st.markdown(sentence)
    with st.grid(2, min_column_width=400, gap="medium") as grid:
        if report.agent:
            with grid.cell():
                rivals = report.agent.rivals
                show_chart(
                    rivals_chart("network", report.agent.whole_sessions.roc_auc, rivals),
                    "Who is an agent, whole sessions",
                    key="agent_rivals",
                )
        with grid.cell():
            show_chart(
                rivals_chart("network", report.purchase.offers.roc_auc, report.purchase.rivals),
                "Who buys at the price asked",
                _RIVALS,
                key="purchase_rivals",
            )
        if report.agent:
            with grid.cell():
                _reliability("agent", "Agents: what is promised holds", report.agent.at_offers)
        with grid.cell():
            _reliability("purchase", "Purchases: what is promised holds", report.purchase.offers)
        if report.demand.bands:
            with grid.cell():
                reading = (
                    "Bars are what came of the offers with 95 % intervals; diamonds what "
                    "the network had promised."
                )
                show_chart(
                    bands_chart(report.demand.bands),
                    "By price and class, promised against observed",
                    reading,
                    key="bands",
                    download="bands",
                )
        for task, title in (
            ("agent", "Losses while learning, agents"),
            ("purchase", "Losses while learning, purchases"),
        ):
            losses = losses_of(report)
            if losses[task].notna().any():
                with grid.cell():
                    show_chart(
                        losses_chart(losses, task),
                        title,
                        "First fold, mean surprise on actors kept aside.",
                        key=f"losses_{task}",
                    )


def _figures(report: MultitaskReport) -> None:
    agent, purchase, demand = report.agent, report.purchase.offers, report.demand
    with st.grid(5, min_column_width=190, gap="small"):
        if agent:
            auc = agent.whole_sessions.roc_auc
            show_metric(
                "Agents, ROC-AUC",
                f"{auc.value:.3f}",
                f"{auc.low:.3f}–{auc.high:.3f}, guessing 0.5",
                "Whole sessions of actors it had not met.",
            )
        auc = purchase.roc_auc
        show_metric(
            "Purchases, ROC-AUC",
            f"{auc.value:.3f}",
            f"{auc.low:.3f}–{auc.high:.3f}, guessing 0.5",
            "Would this session buy this product at this price?",
        )
        cal = purchase.calibration
        show_metric(
            "Purchases, calibration error",
            f"{cal.ece:.4f}",
            f"chance alone {cal.ece_of_chance:.4f}",
            "Mean distance of promised from observed shares.",
        )
        for who, one in (("humans", demand.human), ("agents", demand.agent)):
            if one:
                show_metric(
                    f"Elasticity, {who}",
                    f"{one.value.value:.2f}".replace("-", "−"),
                    f"{one.value.low:.2f} to {one.value.high:.2f}".replace("-", "−"),
                    "Percent more purchases per percent more price, at the base price; held-out "
                    "shoppers.",
                )


def _words(report: MultitaskReport) -> list[str]:
    lines = [_sharing(report)]
    if report.demand.is_identified:
        lines.append(_demand(report))
    else:
        lines.append(f"**There is no demand curve.** {report.demand.refusal} {report.demand.hint}")
    later = report.later
    if later and later.purchase:
        agents = f"agents {format_estimate(later.agent)}, " if later.agent else ""
        lines.append(
            f"**On later sessions** by {format_number_of(later.n_sessions, 'visit')} of actors "
            "never met, learned from the earlier three quarters: "
            f"{agents}purchases {format_estimate(later.purchase)}."
        )
    return lines


def _sharing(report: MultitaskReport) -> str:
    told = [f"who buys {_against(report.purchase.rivals)}"]
    if report.agent:
        told.insert(0, f"who is an agent {_against(report.agent.rivals)}")
    return f"**Does sharing help?** Against a network for one task alone: {'; '.join(told)}."


def _against(rivals: Sequence[ComparisonModel]) -> str:
    twin = next((rival for rival in rivals if rival.name == SINGLE_TASK), None)
    if twin is None:
        return "was not compared"
    change = f"{twin.ahead.value:+.3f} ({twin.ahead.low:+.3f} to {twin.ahead.high:+.3f})".replace(
        "-", "−"
    )
    if twin.ahead.low > 0:
        return f"gains, {change}"
    return f"loses, {change}" if twin.ahead.high < 0 else f"is about the same, {change}"


def _demand(report: MultitaskReport) -> str:
    human, agent = report.demand.human, report.demand.agent
    told = [
        f"{who} {_elasticity(one)}" for who, one in (("humans", human), ("agents", agent)) if one
    ]
    monotone = (
        "never rose with the price"
        if report.demand.is_monotone
        else "**rose with the price somewhere**"
    )
    randomised = format_percent(report.data.randomised)
    return (
        "**How price moves purchases**, at the base price: "
        f"{'; '.join(told) or 'not known by class'} percent per percent. "
        f"P(purchase) {monotone}; {randomised} of the prices were chosen at random."
    )


def _elasticity(one: ElasticityEstimate) -> str:
    return f"{one.value.value:.2f} ({one.value.low:.2f} to {one.value.high:.2f})".replace("-", "−")


def _reliability(key: str, statement: str, task: TaskReport) -> None:
    cal = task.calibration
    reading = (
        f"{format_number_of(task.n_rows, 'offer')}, calibration error {cal.ece:.4f} (chance "
        f"alone {cal.ece_of_chance:.4f}), {cal.method}."
    )
    figure_of = calibration_chart(cal)
    if max(part.probability for part in cal.bins) < 0.4:
        top = 1.15 * max(part.share_high for part in cal.bins)
        figure_of.update_xaxes(range=[0, top])
        figure_of.update_yaxes(range=[0, top], title_text="share observed")
    show_chart(
        figure_of, statement, reading, key=f"reliability_{key}", download=f"reliability_{key}"
    )
