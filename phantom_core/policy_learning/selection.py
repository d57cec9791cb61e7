"""Selection: of many trees the one with the most revenue that keeps what was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from phantom_core.core.errors import DataError
from phantom_core.core.estimate import Estimate
from phantom_core.policy_learning.constraints import PolicyConstraints
from phantom_core.policy_learning.policy_figures import Judge, PolicyFigures
from phantom_core.policy_learning.sweep import SweptPolicy

# Half of a 95 % interval, in standard errors.
_HALF_WIDTH = 1.96


@dataclass(frozen=True, slots=True, eq=False)
class ChosenPolicy:
    """A tree that keeps the constraints.

    Attributes:
        swept: the tree's exchange rates and prices.
        figures: what it changes, on actors that it did not learn from.
    """

    swept: SweptPolicy
    figures: PolicyFigures


def choose_policy(
    swept: Sequence[SweptPolicy], judge: Judge, constraints: PolicyConstraints
) -> ChosenPolicy:
    """Choose by revenue, in the worst of the agents' shares that were asked for.

    Leakage and human purchases must keep their bounds by a standard error, so that they keep them
    on other actors five times out of six.

    Raises:
        DataError: no tree keeps them; says what comes closest.
    """
    for one in sorted(swept, key=lambda one: -one.worst_revenue):
        if not _may_keep(one, constraints):
            continue
        figures = judge.figures(one.ratio)
        if keeps(figures, constraints):
            return ChosenPolicy(one, figures)
    raise _none(swept, constraints)


def keeps(figures: PolicyFigures, constraints: PolicyConstraints) -> bool:
    """Whether the constraints hold by a standard error."""
    leakage, conversion = figures.by_curves.leakage, figures.by_curves.human_conversion
    return (
        leakage.value + _standard_error(leakage) <= -constraints.leakage_cut
        and conversion.value - _standard_error(conversion) >= -constraints.human_conversion_loss
        and figures.human_premium.value <= constraints.human_premium
    )


def _may_keep(one: SweptPolicy, constraints: PolicyConstraints) -> bool:
    """Whether the constraints hold at all, which takes no resamples."""
    return bool(
        one.changes[1] <= -constraints.leakage_cut
        and one.changes[2] >= -constraints.human_conversion_loss
        and one.premium <= constraints.human_premium
    )


def _standard_error(estimate: Estimate) -> float:
    return (estimate.high - estimate.low) / (2 * _HALF_WIDTH)


def _none(swept: Sequence[SweptPolicy], constraints: PolicyConstraints) -> DataError:
    harmless = [
        one
        for one in swept
        if one.changes[2] >= -constraints.human_conversion_loss
        and one.premium <= constraints.human_premium
    ]
    asked = (
        f"No rules recover {constraints.leakage_cut:.0%} of the leakage while humans buy at most "
        f"{constraints.human_conversion_loss:.1%} less and are quoted at most "
        f"{constraints.human_premium:.1%} more, by a standard error"
    )
    if not harmless:
        return DataError(f"{asked}: no rules at all keep the bounds of humans.", hint=_HINT)
    most = min(harmless, key=lambda one: float(one.changes[1]))
    return DataError(
        f"{asked}: the closest recover {-most.changes[1]:.1%} for {most.changes[0]:+.1%} of "
        f"revenue and {most.changes[2]:+.1%} of human purchases.",
        hint=_HINT,
    )


_HINT = "Ask for less, allow a higher mark-up or more rules, or load more quotes."
