"""Quality tab: ranking, calibration and importance, each figure beside its baseline."""

import streamlit as st

from phantom_core.core.estimate import Estimate
from phantom_core.evaluation.report import ClassifierReport
from ui.charts.classifier import (
    calibration_chart,
    estimates_chart,
    gains_chart,
    precision_recall_chart,
    roc_chart,
)
from ui.charts.frame import show_chart
from ui.frame.metrics import show_metric
from ui.frame.wording import (
    capitalise,
    escape,
    feature_name,
    format_count,
    format_estimate,
    format_number_of,
    format_percent,
    with_minus,
)


def training_facts(report: ClassifierReport) -> str:
    """Training data of the model, one line."""
    data = report.data
    without = (
        f", without {escape(', '.join(name.replace('_', ' ') for name in report.without))} features"
        if report.without
        else ""
    )
    return (
        f"{format_count(data.labels.human)} human and {format_count(data.labels.agent)} agent "
        f"sessions of {format_number_of(data.actors, 'actor')}, "
        f"{report.n_folds} folds grouped by actor, seed {report.seed}{without}"
        f"{_banned(report)}. All figures are on held-out actors."
    )


def _banned(report: ClassifierReport) -> str:
    if report.ban is None:
        return ""
    names = ", ".join(map(feature_name, report.ban.features))
    return f", without the features banned from prices ({escape(names)})"


def ban_cost(report: ClassifierReport) -> str:
    """What the ban of features costs, in a sentence; empty where none was left out."""
    if report.ban is None:
        return ""
    change = report.ban.difference
    value, low, high = (
        with_minus(f"{one:+.3f}") for one in (change.value, change.low, change.high)
    )
    significant = "" if change.high < 0 or change.low > 0 else ", not significant"
    return (
        "Without the features banned from prices: ROC-AUC "
        f"{report.ranking.roc_auc.value:.3f}; with them {report.ban.roc_auc_with:.3f}. Cost of "
        f"the ban: {value} ({low} to {high}, 95 % interval "
        f"over actors{significant}), on the same folds."
    )


def quality_tab(report: ClassifierReport) -> None:
    """Draw the quality of the classifier."""
    _headline(report)
    if cost := ban_cost(report):
        st.caption(cost)
    ranking, rule, gains = (
        report.ranking,
        report.baselines.velocity_rule,
        [gain for gain in report.gains if gain.share > 0],
    )
    with st.grid(2, min_column_width=420, gap="medium") as grid:
        with grid.cell():
            show_chart(
                roc_chart(report),
                f"Agents score above humans in {format_percent(ranking.roc_auc.value, 1)} of pairs",
                "ROC curve: closer to the upper left corner is better; the dashed line is random.",
                key="roc",
            )
        with grid.cell():
            show_chart(
                precision_recall_chart(report),
                f"Precision {format_percent(ranking.precision_at_recall_80.value)} at 80 % recall",
                "Precision-recall curve: further right more agents are found, further up fewer "
                "humans are flagged with them.",
                key="precision_recall",
            )
        with grid.cell():
            show_chart(
                calibration_chart(report.calibration),
                f"Calibration error {format_percent(report.calibration.ece, 1)} on average",
                "On the dashed line predicted equals observed. ECE "
                f"{report.calibration.ece:.3f}; Brier {report.calibration.brier:.3f}, base rate "
                f"{report.calibration.brier_base_rate:.3f}.",
                key="calibration",
            )
        with grid.cell():
            show_chart(
                gains_chart(report.gains),
                f"{capitalise(feature_name(gains[0].name))} is the most important feature"
                if gains
                else "No feature is used",
                "Share of the total gain of all splits; correlated features share it.",
                key="gains",
            )
    show_chart(
        estimates_chart(
            [
                ("classifier", ranking.roc_auc),
                ("logistic regression", report.baselines.logistic.roc_auc),
                ("transition kernels", report.baselines.kernel.roc_auc),
                ("events per minute", rule.roc_auc),
            ],
            "ROC-AUC",
            reference=0.5,
            emphasised="classifier",
        ),
        _baseline_finding(report),
        "All evaluated on the same folds; lines are 95 % intervals over actors, the dotted line is "
        "random.",
        key="baselines",
    )


def _headline(report: ClassifierReport) -> None:
    rule, base_rate, ranking = (
        report.baselines.velocity_rule,
        report.baselines.base_rate,
        report.ranking,
    )
    with st.grid(5, min_column_width=200, gap="small"):
        show_metric(
            "ROC-AUC",
            f"{ranking.roc_auc.value:.3f}",
            f"velocity {rule.roc_auc.value:.3f}, random 0.5",
            _range(ranking.roc_auc),
        )
        show_metric(
            "PR-AUC",
            f"{ranking.pr_auc.value:.3f}",
            f"base rate {base_rate:.3f}",
            _range(ranking.pr_auc),
        )
        precision = ranking.precision_at_recall_80
        show_metric(
            "Precision at 80 % recall",
            format_percent(precision.value, 1),
            f"velocity rule {format_percent(rule.precision)} at {format_percent(rule.recall)}",
            _range(precision),
        )
        show_metric(
            "Calibration error (ECE)",
            f"{report.calibration.ece:.3f}",
            f"calibrated by {report.calibration.method}",
            "Mean difference between predicted and observed shares.",
        )
        brier = report.calibration
        show_metric(
            "Brier score",
            f"{brier.brier:.3f}",
            f"base rate {brier.brier_base_rate:.3f}",
            "Mean squared error of the probabilities; lower is better.",
        )


def _range(estimate: Estimate) -> str:
    return f"95 % interval {estimate.low:.3f}–{estimate.high:.3f}, over actors."


def _baseline_finding(report: ClassifierReport) -> str:
    own, best = (
        report.ranking.roc_auc,
        max(
            (
                report.baselines.logistic.roc_auc,
                report.baselines.kernel.roc_auc,
                report.baselines.velocity_rule.roc_auc,
            ),
            key=lambda estimate: estimate.value,
        ),
    )
    if own.value <= best.value:
        return "The classifier does not outperform the best baseline"
    return (
        f"The classifier outperforms the best baseline: ROC-AUC {own.value:.3f} vs {best.value:.3f}"
    )


def auc_by_fold(report: ClassifierReport) -> str:
    """ROC-AUC of each fold."""
    return (
        f"ROC-AUC by fold: {', '.join(f'{auc:.3f}' for auc in report.ranking_by_fold)}; overall "
        f"{format_estimate(report.ranking.roc_auc)}."
    )
