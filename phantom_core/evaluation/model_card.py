"""The model card: one page about a classifier for whoever must decide whether to trust it.

Source: Mitchell et al. 2019, Model cards for model reporting.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from phantom_core.evaluation.ranking import Estimate
from phantom_core.evaluation.report import ClassifierReport


def model_card(report: ClassifierReport) -> str:
    """Write the card of a trained classifier in Markdown."""
    sections = (_title, _use, _data, _figures, _calibration, _threshold, _robustness, _limits, _reproduce)
    return "\n\n".join(section(report) for section in sections) + "\n"


def _title(report: ClassifierReport) -> str:
    return f"# Agent classifier {report.model_version}\n\nTrained {_day(report.created_ms)} UTC in {report.seconds:.0f} s."


def _use(report: ClassifierReport) -> str:
    return (
        "## Intended use\n\n"
        "Says how likely it is that a shopping session is an automated shopper's, from what the session did. Meant for measuring, "
        "and for mark-ups within guard rails that a person approved. Not meant for turning anybody away, nor for judging a person."
    )


def _data(report: ClassifierReport) -> str:
    data = report.data
    families = ", ".join(f"{name} {n:,}" for name, n in data.families.items()) or "none named"
    return "## Data\n\n" + _table(
        ("what", "value"),
        [
            ("lake version", str(data.lake_version)),
            ("sessions", f"{data.sessions:,}: {data.labels.human:,} human, {data.labels.agent:,} agent, {data.labels.unknown:,} unknown"),
            ("actors (experiments, or lone sessions)", f"{data.actors:,}"),
            ("families of agents", families),
            ("period of the labelled sessions", f"{_day(data.start_ms)} to {_day(data.end_ms)} UTC"),
            ("features", f"{len(report.features)}; left out: {', '.join(report.without) or 'none'}"),
        ],
    )


def _figures(report: ClassifierReport) -> str:
    rule, base_rate = report.baselines.velocity_rule, report.baselines.base_rate
    rows = [
        (name, _estimate(ranking.roc_auc), _estimate(ranking.pr_auc), _estimate(ranking.precision_at_recall_80))
        for name, ranking in (
            ("**this classifier**", report.ranking),
            ("logistic regression", report.baselines.logistic),
            ("transition kernels", report.baselines.kernel),
        )
    ]
    velocity = f"rule: precision {_share(rule.precision)} at recall {_share(rule.recall)}"
    rows.append((f"more than {rule.events_per_min:g} events/min", _estimate(rule.roc_auc), "", velocity))
    rows.append(("marking everybody", "0.500", f"{base_rate:.3f}", f"{base_rate:.3f}"))
    return (
        "## How well it ranks\n\n"
        f"Out of fold, {report.n_folds} folds, no actor in two of them; 95 % intervals from resampled actors.\n\n"
        + _table(("", "ROC-AUC", "PR-AUC", "precision at 80 % recall"), rows)
    )


def _calibration(report: ClassifierReport) -> str:
    calibration = report.calibration
    losses = ", ".join(f"{name} {loss:.4f}" for name, loss in calibration.log_loss.items())
    return (
        "## How far its probabilities can be trusted\n\n"
        f"ECE {calibration.ece:.3f} ({len(calibration.bins)} bins of equal mass). Brier {calibration.brier:.3f}, where predicting the "
        f"base rate scores {calibration.brier_base_rate:.3f}. Curve: {calibration.method}, by held-out log loss ({losses})."
    )


def _threshold(report: ClassifierReport) -> str:
    choice, counted = report.threshold, report.confusion
    return (
        "## Threshold\n\n"
        f"A session counts as an agent from probability {choice.threshold:.3f} on: the cheapest threshold when marking up a human costs "
        f"{choice.marking_up_human_cost:g} and missing an agent {choice.leaking_to_agent_cost:g} of an average order. Expected cost per "
        f"session {choice.cost_per_session:.4f}; marking up nobody {choice.nobody_cost_per_session:.4f}, everybody "
        f"{choice.everybody_cost_per_session:.4f}.\n\n"
        + _table(
            ("", "marked up", "left alone"),
            [
                ("agents", f"{counted.agents_found:,}", f"{counted.agents_missed:,}"),
                ("humans", f"{counted.humans_marked:,}", f"{counted.humans_left:,}"),
            ],
        )
    )


def _robustness(report: ClassifierReport) -> str:
    robustness = report.robustness
    rows = [("as it is", _estimate(report.ranking.roc_auc), "")]
    rows += [
        (f"family {r.family} ({r.n_sessions:,} sessions), never met", _estimate(r.roc_auc), _estimate(r.roc_auc_known))
        for r in robustness.leave_family_out
    ]
    rows += [
        (f"first {r.n_events} events only", _estimate(r.roc_auc), _estimate(r.roc_auc_retrained))
        for r in robustness.prefixes
        if r.n_events is not None
    ]
    rows += [
        (f"agents {attack.trick}", _estimate(attack.roc_auc), _estimate(attack.roc_auc_retrained))
        for attack in (robustness.delay_attack, robustness.human_clock_attack)
    ]
    rows.append(("without timing features", "", _estimate(robustness.without_timing)))
    rows.append(("without user-agent features", "", _estimate(robustness.without_user_agent)))
    return "## Robustness\n\nROC-AUC, out of fold.\n\n" + _table(("condition", "as trained", "trained for it"), rows)


def _limits(report: ClassifierReport) -> str:
    limits = [
        "Agents of a family that was not learned from may be found less surely than the headline says; see the rows above.",
        "Labels come from experiments: whatever else differs between their arms (tasks, hours, devices) may be what was learned.",
        "Thresholds and shares hold for the mix of humans and agents in the labelled sessions; in traffic with another mix they move.",
        "The threshold was chosen on the sessions it is reported on, among 201 values; its cost is slightly flattered.",
    ]
    if not report.data.families:
        limits.append("No family of agents was named, so nothing is known about unseen families.")
    if report.data.actors == report.data.labels.human + report.data.labels.agent:
        limits.append("Every labelled session stands alone; if one actor made several, the folds do not know it.")
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def _reproduce(report: ClassifierReport) -> str:
    without = f" --without {','.join(report.without)}" if report.without else ""
    return (
        "## How to reproduce\n\n"
        f"`PHANTOM_SEED={report.seed} python -m phantom_core train classifier --folds {report.n_folds}{without}` on lake version "
        f"{report.data.lake_version}. Library versions, the hash of the feature SQL and the hash of every file are in `manifest.json`."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _estimate(estimate: Estimate | None) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})" if estimate else "not measured"


def _share(share: float | None) -> str:
    return "undefined" if share is None else f"{share:.3f}"


def _day(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M")
