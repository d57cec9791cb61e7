"""The network's card: one page on which to decide whether to trust it.

Source: Mitchell et al. 2019, Model cards for model reporting.
"""

from datetime import UTC, datetime

from phantom_core.core.estimate import Estimate
from phantom_core.evaluation.multitask_report import MultitaskReport
from phantom_core.evaluation.price_response import ElasticityEstimate
from phantom_core.evaluation.task import ComparisonModel, TaskReport


def multitask_card(report: MultitaskReport) -> str:
    """Write the card of a trained network in Markdown."""
    sections = (_title, _use, _data, _agents, _purchases, _demand, _limits, _reproduce)
    return "\n\n".join(text for section in sections if (text := section(report))) + "\n"


def _title(report: MultitaskReport) -> str:
    return (
        f"# Multi-task network {report.model_version}\n\nTrained {_day(report.created_ms)} UTC "
        f"in {report.seconds:.0f} s."
    )


def _use(report: MultitaskReport) -> str:
    return (
        "## Intended use\n\nEstimates P(agent) and P(purchase) for a session, a product and a "
        "price. Meant for measurement, and for prices within guard rails that a person approved. "
        "Not meant for refusing service."
    )


def _data(report: MultitaskReport) -> str:
    data = report.data
    moments = {
        "first_quote": "the first price of each product in a session",
        "before_cart": "each session before its first cart",
    }
    return (
        "## Data\n\n"
        f"{data.offers:,} offers ({moments[data.moments]}) of {data.sessions:,} sessions by "
        f"{data.actors:,} actors, "
        f"{_day(data.start_ms)} to {_day(data.end_ms)} UTC, lake version {data.lake_version}; "
        f"{data.bought:,} were bought; "
        f"{data.labelled_sessions:,} sessions are known to be human or agent; "
        f"{data.randomised:.0%} of the prices were chosen at random. "
        "Every feature is as of the millisecond before the offer."
    )


def _agents(report: MultitaskReport) -> str:
    if report.agent is None:
        return (
            "## Who is an agent\n\nNo session has a label: this head was not trained, and "
            "P(agent) comes from the classifier, if any."
        )
    rows = [
        _row("whole sessions", report.agent.whole_sessions),
        _row("at the offer", report.agent.at_offers),
    ]
    return (
        "## Who is an agent\n\n"
        + _HEAD
        + "\n".join(rows)
        + "\n\n"
        + _comparison(report.agent.rivals)
    )


def _purchases(report: MultitaskReport) -> str:
    task = report.purchase
    best = (
        f"Best feature alone: {task.best_feature.name}, {task.best_feature.roc_auc:.3f}. "
        "Predicting yes for all: 0.500."
    )
    suspects = (
        f" **Suspiciously good (possible target leakage): {', '.join(report.leak_suspects)}.**"
        if report.leak_suspects
        else ""
    )
    return (
        f"## Who buys\n\n{_HEAD}{_row('offers', task.offers)}\n\n{_comparison(task.rivals)} "
        f"{best}{suspects}"
    )


def _demand(report: MultitaskReport) -> str:
    demand = report.demand
    if not demand.is_identified:
        return f"## How price moves purchases\n\n{demand.refusal} {demand.hint}"
    parts = [
        f"{who} {_elasticity(one)}"
        for who, one in (("humans", demand.human), ("agents", demand.agent))
        if one
    ]
    monotone = "never rose" if demand.is_monotone else "rose somewhere"
    return (
        "## How price moves purchases\n\nElasticity at the base price, held-out shoppers, "
        "corrected for what the curves miss: "
        f"{'; '.join(parts) or 'not known by class'}. P(purchase) {monotone} with the price where "
        "it was evaluated."
    )


def _limits(report: MultitaskReport) -> str:
    later = report.later
    later_text = ""
    if later and later.purchase:
        agent = f"agents {_estimate(later.agent)}, " if later.agent else ""
        later_text = (
            f"On later sessions by held-out actors: {agent}purchases {_estimate(later.purchase)}. "
        )
    return (
        f"## Limits\n\n{later_text}Demand curves hold for prices that were tried; beyond, they "
        "are extrapolated. Stock-outs and offers of other shops are known only from the "
        "catalogue."
    )


def _reproduce(report: MultitaskReport) -> str:
    return (
        f"## Reproduce\n\nSeed {report.seed}, {report.n_folds} folds without a shared actor, "
        f"{report.n_epochs} epochs, SHA-256 of the rows "
        f"`{report.data.sha256}`."
    )


_HEAD = (
    "| | rows | yes | ROC-AUC | PR-AUC | calibration error | Brier (base rate) "
    "|\n|---|---|---|---|---|---|---|\n"
)


def _row(name: str, task: TaskReport) -> str:
    c = task.calibration
    return (
        f"| {name} | {task.n_rows:,} | {task.base_rate:.1%} | {_estimate(task.roc_auc)} | "
        f"{_estimate(task.pr_auc)} | {c.ece:.4f}"
        f" (chance {c.ece_of_chance:.4f}) | {c.brier:.4f} ({c.brier_base_rate:.4f}) |"
    )


def _comparison(models: tuple[ComparisonModel, ...]) -> str:
    return (
        "On the same folds: "
        + "; ".join(
            f"{one.name} {one.roc_auc:.3f} (network better by {_estimate(one.ahead)})"
            for one in models
        )
        + "."
    )


def _elasticity(found: ElasticityEstimate) -> str:
    return f"{found.value.value:.2f} [{found.value.low:.2f}, {found.value.high:.2f}]"


def _estimate(found: Estimate | None) -> str:
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]" if found else "unknown"


def _day(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1_000, UTC):%Y-%m-%d}"
