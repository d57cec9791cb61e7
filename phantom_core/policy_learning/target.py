"""Target: what a shop would like prices to reach, and whether any policy can."""

from collections.abc import Sequence
from dataclasses import dataclass

from phantom_core.core.errors import InputError
from phantom_core.policy_learning.policy_figures import PolicyFigures


@dataclass(frozen=True, slots=True)
class Target:
    """A wish.

    Attributes:
        leakage_cut: share of the leakage at base prices to recover, from 0 to below 1.
        revenue_gain: share of the revenue at base prices to gain.
        human_conversion_loss: most human purchases to lose, as a share, from 0 to below 1.
    Raises:
        InputError: a share out of range.
    """

    leakage_cut: float = 0.3
    revenue_gain: float = 0.1
    human_conversion_loss: float = 0.01

    def __post_init__(self) -> None:
        if not (0 <= self.leakage_cut < 1 and 0 <= self.human_conversion_loss < 1):
            raise InputError(
                f"Recovering {self.leakage_cut:.0%} of the leakage for "
                f"{self.human_conversion_loss:.0%} of human purchases is not possible.",
                hint="Give shares from 0 to below 1.",
            )

    def is_reached(self, figures: PolicyFigures) -> bool:
        """Whether a policy reaches it."""
        changes = figures.by_curves
        return (
            self.spares_humans(figures)
            and changes.leakage.value <= -self.leakage_cut
            and changes.revenue.value >= self.revenue_gain
        )

    def spares_humans(self, figures: PolicyFigures) -> bool:
        """Whether humans buy as much as it asks."""
        return figures.by_curves.human_conversion.value >= -self.human_conversion_loss


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a target can be reached.

    Attributes:
        by_rules: by one of the learned rules.
        by_known_classes: had the class of every shopper been known; no policy can do better.
        says: one sentence.
    """

    by_rules: bool
    by_known_classes: bool
    says: str


def judge_target(
    target: Target, learned: Sequence[PolicyFigures], known_classes: Sequence[PolicyFigures]
) -> Verdict:
    """Say whether a target can be reached, and else what the most is.

    Args:
        target: the wish.
        learned: what learned rules change.
        known_classes: what a price for each class changes, from all that are worth considering.
    """
    wish = (
        f"leakage {_signed(-target.leakage_cut)}, revenue {_signed(target.revenue_gain)} and human "
        f"purchases at least {_signed(-target.human_conversion_loss)}"
    )
    by_rules = any(map(target.is_reached, learned))
    by_known = any(map(target.is_reached, known_classes))
    if by_rules:
        return Verdict(True, by_known, f"The target ({wish}) is within reach of learned rules.")
    if by_known:
        says = (
            f"The target ({wish}) would be within reach if every class were known, but no learned "
            "rules reach it: a better classifier could."
        )
        return Verdict(False, True, says)
    return Verdict(
        False,
        False,
        f"The target ({wish}) is out of reach of every policy: {_most(target, known_classes)}",
    )


def _most(target: Target, known_classes: Sequence[PolicyFigures]) -> str:
    """What is reachable at most, had every class been known."""
    sparing = [one for one in known_classes if target.spares_humans(one)]
    cutting = [one for one in sparing if one.by_curves.leakage.value <= -target.leakage_cut]
    parts = []
    if cutting:
        best = max(cutting, key=lambda one: one.by_curves.revenue.value).by_curves.revenue
        cost = "costs at least" if best.value < 0 else "allows at most"
        parts.append(
            f"even with every class known, leakage {_signed(-target.leakage_cut)} {cost} "
            f"{_range(best.value, best.low, best.high)} of revenue"
        )
    else:
        parts.append(f"no prices here change leakage by {_signed(-target.leakage_cut)}")
    if sparing:
        most = max(sparing, key=lambda one: one.by_curves.revenue.value).by_curves
        parts.append(
            f"the most revenue that any policy takes is "
            f"{_range(most.revenue.value, most.revenue.low, most.revenue.high)}, with leakage "
            f"{_signed(most.leakage.value)}"
        )
    return "; ".join(parts) + "."


def _range(value: float, low: float, high: float) -> str:
    return f"{100 * value:+.1f} % [{100 * low:+.1f}, {100 * high:+.1f}]".replace("-", "−")


def _signed(share: float) -> str:
    return f"{100 * share:+.0f} %".replace("-", "−")
