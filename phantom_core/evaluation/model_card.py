"""The model card: one page on which to decide whether to trust a classifier.

Source: Mitchell et al. 2019, Model cards for model reporting.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from phantom_core.core.estimate import Estimate
from phantom_core.evaluation.report import ClassifierReport, Data, LabelSources, Robustness
from phantom_core.evaluation.threshold import ThresholdChoice

# A simpler means this near to the classifier's ROC-AUC is as good.
AS_GOOD: Final = 0.005


def model_card(report: ClassifierReport) -> str:
    """Write the card of a trained classifier in Markdown."""
    sections = (
        _title,
        _use,
        _data,
        _weak,
        _figures,
        _calibration,
        _at_quote,
        _threshold,
        _robustness,
        _limits,
        _reproduce,
    )
    return "\n\n".join(filter(None, (section(report) for section in sections))) + "\n"


def _title(report: ClassifierReport) -> str:
    return (
        f"# Agent classifier {report.model_version}\n\nTrained {_day(report.created_ms)} UTC "
        f"in {report.seconds:.0f} s."
    )


def _use(report: ClassifierReport) -> str:
    return (
        "## Intended use\n\n"
        "Estimates the probability that a shopping session is an automated shopper's, from its "
        "events. Meant for measurement, and for mark-ups within guard rails that a person "
        "approved. Not meant for refusing service, nor for assessing a person."
    )


def _data(report: ClassifierReport) -> str:
    data = report.data
    families = ", ".join(f"{name} {n:,}" for name, n in data.families.items()) or "none named"
    return "## Data\n\n" + _table(
        ("what", "value"),
        [
            ("lake version", str(data.lake_version)),
            (
                "sessions",
                f"{data.sessions:,}: {data.labels.human:,} human, {data.labels.agent:,} agent, "
                f"{data.labels.unknown:,} unknown",
            ),
            ("actors (subjects, experiments, or lone sessions)", f"{data.actors:,}"),
            ("labelled sessions that stand alone", _lone_share(data)),
            ("SHA-256 of sessions, labels and actors", f"`{data.labels_sha256}`"),
            ("families of agents", families),
            (
                "period of the labelled sessions",
                f"{_day(data.start_ms)} to {_day(data.end_ms)} UTC",
            ),
            (
                "features",
                f"{len(report.features)}; left out: {_left_out(report)}",
            ),
        ],
    )


def _weak(report: ClassifierReport) -> str:
    """What stood in for labels; empty where it learned from labels."""
    weak = report.weak
    if weak is None:
        return ""
    rows = [
        (
            rule.title,
            rule.says,
            f"{rule.n_votes:,}",
            f"{rule.precision:.2f}",
            "full" if rule.weight > 0.99 else f"{rule.weight:.2f}",
        )
        for rule in weak.rules
    ]
    return (
        "## Learned without labels\n\n"
        + " ".join(weak.sentences())
        + "\n\n"
        + _table(("sign", "says", "sessions", "estimated precision", "weight"), rows)
    )


def _figures(report: ClassifierReport) -> str:
    rule, base_rate = report.baselines.velocity_rule, report.baselines.base_rate
    rows = [
        (
            name,
            _estimate(ranking.roc_auc),
            _estimate(ranking.pr_auc),
            _estimate(ranking.precision_at_recall_80),
        )
        for name, ranking in (
            ("**this classifier**", report.ranking),
            ("logistic regression", report.baselines.logistic),
            ("transition kernels", report.baselines.kernel),
        )
    ]
    velocity = f"rule: precision {_share(rule.precision)} at recall {_share(rule.recall)}"
    rows.append(
        (f"more than {rule.events_per_min:g} events/min", _estimate(rule.roc_auc), "", velocity)
    )
    best = report.baselines.best_feature
    rows.append((f"{best.name} alone, the best feature", f"{best.roc_auc:.3f}", "", ""))
    rows.append(("marking every session", "0.500", f"{base_rate:.3f}", f"{base_rate:.3f}"))
    return (
        "## How well it ranks\n\n"
        f"Out of fold, {report.n_folds} folds, no actor in two of them. 95 % intervals are of "
        "resampled actors; they do not include the randomness of training and folds.\n\n"
        + _table(("", "ROC-AUC", "PR-AUC", "precision at 80 % recall"), rows)
    )


def _calibration(report: ClassifierReport) -> str:
    calibration = report.calibration
    losses = ", ".join(f"{name} {loss:.4f}" for name, loss in calibration.log_loss.items())
    return (
        "## How far its probabilities can be trusted\n\n"
        f"ECE {calibration.ece:.3f} ({len(calibration.bins)} bins of much the same mass), where "
        "perfectly calibrated probabilities of as "
        f"many sessions show {calibration.ece_of_chance:.3f} on average. Brier "
        f"{calibration.brier:.3f}, where predicting the "
        f"base rate scores {calibration.brier_base_rate:.3f}. Curve: {calibration.method}, by "
        f"held-out log loss ({losses})."
    )


def _at_quote(report: ClassifierReport) -> str:
    found = report.at_quote
    head = "## At the quote, where prices are set\n\n"
    if found is None:
        return head + "Not for pricing: it learned from whole sessions only. Train again."
    if not found.slices:
        return head + "Not measured: too few labelled sessions of each kind were shown a price."
    rows = [
        (
            one.name,
            f"{one.n_quotes:,}",
            f"{one.agent_share:.3f}",
            _estimate(one.at_quote.roc_auc),
            _estimate(one.at_quote.ece),
            f"{one.ece_of_chance:.3f}",
            _estimate(one.at_quote.brier),
            f"{one.brier_base_rate:.3f}",
            _estimate(one.whole_session.roc_auc),
            _estimate(one.whole_session.ece),
        )
        for one in found.slices
    ]
    columns = (
        "quotes",
        "count",
        "share of agents",
        "ROC-AUC",
        "ECE",
        "ECE of chance",
        "Brier",
        "Brier of the share",
        "ROC-AUC, whole-session model",
        "ECE, whole-session model",
    )
    instead = {
        "quotes": "",
        "item views": " No quotes are recorded, so item views stand for them.",
        "events": " No quotes and no item views are recorded, so every event stands for one.",
    }[found.moments]
    return (
        f"{head}The probabilities that prices are set with are of a model of their own, which "
        "learned from sessions cut at their quotes, each session weighing one in total. It is "
        f"calibrated by the number of events so far ({found.method} curves).{instead} Out of "
        "fold; 95 % intervals are of resampled actors. Beside it, the model of whole sessions, "
        "asked at the same quotes.\n\n" + _table(columns, rows)
    )


def _threshold(report: ClassifierReport) -> str:
    choice, counted = report.threshold, report.confusion
    return (
        "## Threshold\n\n"
        f"A session counts as an agent from probability {choice.threshold:.3f} on: "
        f"{_choice(choice)} Expected cost per session "
        f"{choice.cost_per_session:.4f}; without mark-ups {choice.nobody_cost_per_session:.4f}, "
        f"with mark-ups for all {choice.everybody_cost_per_session:.4f}.\n\n"
        + _table(
            ("", "marked up", "left alone"),
            [
                ("agents", f"{counted.agents_found:,}", f"{counted.agents_missed:,}"),
                ("humans", f"{counted.humans_marked:,}", f"{counted.humans_left:,}"),
            ],
        )
    )


def _choice(choice: ThresholdChoice) -> str:
    costs = (
        f"when marking up a human costs {choice.marking_up_human_cost:g} and an agent that buys "
        "at the low quote "
        f"{choice.leaking_to_agent_cost:g} of an average order"
    )
    if choice.agent_buying_rate:
        return (
            f"the cheapest threshold {costs}. {100 * choice.agent_buying_rate:.1f} % of the "
            "agent sessions bought; the others cost nothing."
        )
    return (
        f"no agent bought, so marking up saves nothing; this is the break-even {costs}, if "
        "every agent bought."
    )


def _robustness(report: ClassifierReport) -> str:
    robustness = report.robustness
    if robustness is None:
        return (
            "## Robustness\n\nNot studied yet: the studies run after a model is usable "
            "(`python -m phantom_core study classifier`)."
        )
    rows = [("as it is", _estimate(report.ranking.roc_auc), "")]
    rows += [
        (
            f"first {r.n_events} events only (shortens {100 * r.cut_share:.0f} % of the sessions)",
            _estimate(r.roc_auc),
            _estimate(r.roc_auc_retrained),
        )
        for r in robustness.prefixes
    ]
    rows += [
        (f"agents {attack.trick}", _estimate(attack.roc_auc), _estimate(attack.roc_auc_retrained))
        for attack in (robustness.delay_attack, robustness.human_clock_attack)
        if attack
    ]
    if not robustness.human_clock_attack:
        rows.append(
            (
                "agents wait as long as humans do",
                "not measured: no human session has two events",
                "",
            )
        )
    rows.append(("without timing features", "", _estimate(robustness.without_timing)))
    rows.append(("without user-agent features", "", _estimate(robustness.without_user_agent)))
    return (
        f"## Robustness\n\nROC-AUC, out of fold.{_studied(robustness)}\n\n"
        + _table(("condition", "as trained", "trained for it"), rows)
        + _families(robustness)
    )


def _studied(robustness: Robustness) -> str:
    return f" {robustness.n_sessions:,} sessions were studied." if robustness.n_sessions else ""


def _families(robustness: Robustness) -> str:
    found = robustness.leave_family_out
    rows = [
        (r.family, f"{r.n_sessions:,}", _estimate(r.roc_auc), _estimate(r.roc_auc_known))
        for r in found
    ]
    return (
        "\n\nEach family of agents against all humans:\n\n"
        + _table(("family", "sessions", "held out", "in training"), rows)
        if rows
        else ""
    )


def _limits(report: ClassifierReport) -> str:
    limits = [
        "Agents of a family that was not in training may be found less reliably than the "
        "headline says; see the rows above.",
        _label_limit(report.data.sources),
        "Thresholds and shares hold for the mix of humans and agents in the labelled sessions; in "
        "traffic with another mix they move.",
        "The threshold was chosen on the sessions it is reported on, among 201 values; its cost "
        "is slightly flattered.",
    ]
    if not report.data.families:
        limits.append("No family of agents was named, so nothing is known about unseen families.")
    if report.data.lone_sessions:
        limits.append(
            f"{_lone_share(report.data)} of the labelled sessions stand alone; if one actor made "
            "several, the folds do not separate it."
        )
    if report.data.subjects_split:
        limits.append(
            f"{report.data.subjects_split:,} subjects took part in several experiments, and there "
            "are too few subjects to fold by: each "
            "experiment counts as an actor, and a subject may be on both sides of a split."
        )
    limits += [
        f"{name} reaches a ROC-AUC of {auc:.3f}: the classifier adds little to it on these "
        "sessions."
        for name, auc in _simpler_means(report)
        if auc >= report.ranking.roc_auc.value - AS_GOOD
    ]
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def _simpler_means(report: ClassifierReport) -> list[tuple[str, float]]:
    baselines = report.baselines
    return [
        (f"The feature {baselines.best_feature.name} alone", baselines.best_feature.roc_auc),
        ("Logistic regression", baselines.logistic.roc_auc.value),
        ("A transition-kernel score", baselines.kernel.roc_auc.value),
    ]


def _lone_share(data: Data) -> str:
    return f"{100 * data.lone_sessions / (data.labels.human + data.labels.agent):.0f} %"


def _label_limit(sources: LabelSources) -> str:
    by_experiment = (
        "whatever else differs between their arms (tasks, hours, devices) may be what was learned"
    )
    by_person = "whatever else made a person call a session human or agent may be what was learned"
    if not sources.person:
        return f"Labels come from experiments: {by_experiment}."
    if not sources.experiment:
        return f"Labels were given to sessions one by one: {by_person}."
    return (
        f"{sources.experiment:,} labels come from experiments: {by_experiment}. "
        f"{sources.person:,} were given to sessions one by one: "
        f"{by_person}."
    )


def _reproduce(report: ClassifierReport) -> str:
    costs = f"PHANTOM_MARKING_UP_HUMAN_COST={report.threshold.marking_up_human_cost:g} "
    costs += f"PHANTOM_LEAKING_TO_AGENT_COST={report.threshold.leaking_to_agent_cost:g}"
    without = f" --without {','.join(report.without)}" if report.without else ""
    return (
        "## How to reproduce\n\n"
        f"`{costs} PHANTOM_SEED={report.seed} python -m phantom_core train classifier --folds "
        f"{report.n_folds}{without}` on lake version "
        f"{report.data.lake_version} with labels of the SHA-256 above{_period(report.period_ms)}. "
        "Library versions, the hash of the feature SQL and the hash of every file are in "
        "`manifest.json`."
    )


def _period(period_ms: tuple[int, int] | None) -> str:
    return (
        f", of the sessions that began from {_day(period_ms[0])} to before {_day(period_ms[1])} UTC"
        if period_ms
        else ""
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _estimate(estimate: Estimate | None) -> str:
    return (
        f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"
        if estimate
        else "not measured"
    )


def _share(share: float | None) -> str:
    return "undefined" if share is None else f"{share:.3f}"


def _left_out(report: ClassifierReport) -> str:
    if report.ban is None:
        return ", ".join(report.without) or "none"
    cost = report.ban.difference
    return (
        f"{', '.join((*report.without, *report.ban.features))} (banned from prices; their absence "
        f"changes ROC-AUC by {cost.value:+.3f}, {cost.low:+.3f} to {cost.high:+.3f})"
    )


def _day(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M")
