"""Quality tab: the network on both tasks, beside single-task networks and other models."""

from collections.abc import Sequence

import streamlit as st

from phantom_core.core.estimate import Estimate
from phantom_core.evaluation.multitask_report import SINGLE_TASK, MultitaskReport
from phantom_core.evaluation.price_response import ElasticityEstimate
from phantom_core.evaluation.task import ComparisonModel, TaskReport
from phantom_core.views.demand.multitask import losses_of
from ui.charts.classifier import calibration_chart
from ui.charts.demand import bands_chart, comparison_chart, losses_chart
from ui.charts.frame import show_chart
from ui.frame.metrics import show_metric
from ui.frame.wording import escape, format_estimate, format_number_of, format_percent

_COMPARED = (
    "Same folds for all models. The network has its own interval; the others have that of their "
    "difference to it."
)


def quality_tab(report: MultitaskReport) -> None:
    """Draw the figures, then the charts behind them."""
    if report.leak_suspects:
        st.warning(
            f"**Possible target leakage:** {escape(', '.join(report.leak_suspects))} alone "
            "predicts purchases. Check that it uses no information from after the offer.",
            icon=":material/warning:",
        )
    _figures(report)
    with st.container(border=True, key="verdict_words"):
        for sentence in _words(report):
            st.markdown(sentence)
    with st.grid(2, min_column_width=400, gap="medium") as grid:
        if report.agent:
            with grid.cell():
                others = report.agent.rivals
                show_chart(
                    comparison_chart("network", report.agent.whole_sessions.roc_auc, others),
                    f"Agent detection: {_rank(report.agent.whole_sessions.roc_auc, others)}",
                    "ROC-AUC on whole sessions, same folds for all models.",
                    key="agent_rivals",
                )
        with grid.cell():
            show_chart(
                comparison_chart("network", report.purchase.offers.roc_auc, report.purchase.rivals),
                "Purchase prediction: "
                f"{_rank(report.purchase.offers.roc_auc, report.purchase.rivals)}",
                _COMPARED,
                key="purchase_rivals",
            )
        if report.agent:
            with grid.cell():
                _reliability("agent", "Agents", report.agent.at_offers)
        with grid.cell():
            _reliability("purchase", "Purchases", report.purchase.offers)
        if report.demand.bands:
            with grid.cell():
                reading = (
                    "Bars are observed shares with 95 % intervals; diamonds are predicted by the "
                    "network."
                )
                show_chart(
                    bands_chart(report.demand.bands),
                    _bands_finding(report),
                    reading,
                    key="bands",
                    download="bands",
                )
        for task, title in (
            ("agent", "Agents: validation log loss"),
            ("purchase", "Purchases: validation log loss"),
        ):
            losses = losses_of(report)
            if losses[task].notna().any():
                with grid.cell():
                    show_chart(
                        losses_chart(losses, task),
                        f"{title} falls to {losses[task].min():.4f}",
                        "First fold, validation log loss on held-out actors, by epoch.",
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
                f"{auc.low:.3f}–{auc.high:.3f}, random 0.5",
                "Whole sessions of held-out actors.",
            )
        auc = purchase.roc_auc
        show_metric(
            "Purchases, ROC-AUC",
            f"{auc.value:.3f}",
            f"{auc.low:.3f}–{auc.high:.3f}, random 0.5",
            "Purchase of the quoted product at the quoted price.",
        )
        cal = purchase.calibration
        show_metric(
            "Purchases, calibration error",
            f"{cal.ece:.4f}",
            f"by chance {cal.ece_of_chance:.4f}",
            "Mean difference between predicted and observed shares.",
        )
        for who, one in (("humans", demand.human), ("agents", demand.agent)):
            if one:
                show_metric(
                    f"Elasticity, {who}",
                    f"{one.value.value:.2f}".replace("-", "−"),
                    f"{one.value.low:.2f} to {one.value.high:.2f}".replace("-", "−"),
                    "Change of purchases in percent per percent of price, at the base price; "
                    "held-out "
                    "shoppers.",
                )


def _words(report: MultitaskReport) -> list[str]:
    lines = [_tasks(report)]
    if report.demand.is_identified:
        lines.append(_demand(report))
    else:
        lines.append(
            f"**No demand curve.** {escape(report.demand.refusal)} {escape(report.demand.hint)}"
        )
    later = report.later
    if later and later.purchase:
        agents = f"agents {format_estimate(later.agent)}, " if later.agent else ""
        lines.append(
            f"**Later sessions**: trained on the first three quarters, ROC-AUC on "
            f"{format_number_of(later.n_sessions, 'later session')} of held-out actors is "
            f"{agents}purchases {format_estimate(later.purchase)}."
        )
    return lines


def _tasks(report: MultitaskReport) -> str:
    changes = [f"Purchase prediction: {_versus_single(report.purchase.rivals)}"]
    if report.agent:
        changes.insert(0, f"Agent detection: {_versus_single(report.agent.rivals)}")
    return f"**Multi-task vs single-task**: {'. '.join(changes)}."


def _versus_single(others: Sequence[ComparisonModel]) -> str:
    single = next((other for other in others if other.name == SINGLE_TASK), None)
    if single is None:
        return "not compared with a single-task network"
    lead = single.ahead
    change = f"{lead.value:+.3f} AUC vs the single-task network"
    is_clear = lead.low > 0 or lead.high < 0
    interval = f"{lead.low:+.3f} to {lead.high:+.3f}{'' if is_clear else ', n.s.'}"
    return f"{change} ({interval})".replace("-0.", "−0.")


def _rank(own: Estimate, others: Sequence[ComparisonModel]) -> str:
    best = max(others, key=lambda other: other.roc_auc, default=None)
    if best is None:
        return f"ROC-AUC {own.value:.3f}"
    return (
        f"network ROC-AUC {own.value:.3f}, best other model ({escape(best.name)}) "
        f"{best.roc_auc:.3f}"
    )


def _bands_finding(report: MultitaskReport) -> str:
    bins = [band.bin for band in report.demand.bands]
    inside = sum(one.share_low <= one.probability <= one.share_high for one in bins)
    return (
        f"Predicted shares are within the observed interval in {inside} of {len(bins)} price bands"
    )


def _demand(report: MultitaskReport) -> str:
    human, agent = report.demand.human, report.demand.agent
    elasticities = [
        f"{who} {_elasticity(one)}" for who, one in (("humans", human), ("agents", agent)) if one
    ]
    monotone = (
        "never increases with the price"
        if report.demand.is_monotone
        else "**increases with the price in places**"
    )
    randomised = format_percent(report.data.randomised)
    return (
        "**Price elasticity** at the base price: "
        f"{'; '.join(elasticities) or 'unknown by class'}. "
        f"P(purchase) {monotone}; {randomised} of the prices were randomised."
    )


def _elasticity(one: ElasticityEstimate) -> str:
    return f"{one.value.value:.2f} ({one.value.low:.2f} to {one.value.high:.2f})".replace("-", "−")


def _reliability(key: str, who: str, task: TaskReport) -> None:
    cal = task.calibration
    reading = (
        f"{format_number_of(task.n_rows, 'offer')}, calibration error {cal.ece:.4f} (by chance "
        f"{cal.ece_of_chance:.4f}), {cal.method}."
    )
    figure_of = calibration_chart(cal)
    if max(part.probability for part in cal.bins) < 0.4:
        top = 1.15 * max(part.share_high for part in cal.bins)
        figure_of.update_xaxes(range=[0, top])
        figure_of.update_yaxes(range=[0, top], title_text="observed share")
    is_calibrated = cal.ece <= 2 * cal.ece_of_chance
    finding = (
        f"{who} are well calibrated"
        if is_calibrated
        else f"{who}: predicted and observed shares differ by {format_percent(cal.ece, 1)}"
    )
    show_chart(figure_of, finding, reading, key=f"reliability_{key}", download=f"reliability_{key}")
