"""Policy figures: what prices change against the base price, with paired intervals over actors."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.estimate import Estimate
from phantom_core.core.resampling import make_blocks, quantile_interval, resample_weights
from phantom_core.policy_learning.demand_curves import FittedDemand
from phantom_core.policy_learning.payoff import (
    AGENT_REVENUE,
    HUMAN_REVENUE,
    HUMAN_UNITS,
    LEAKAGE,
    Payoff,
    measure_payoff,
)
from phantom_core.policy_learning.quote_sample import QuoteSample

_NUDGE: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Changes:
    """Relative changes against the base price for all, such as −0.3 for 30 % less.

    Attributes:
        revenue, leakage: of money.
        human_conversion: of purchases by humans.
    """

    revenue: Estimate
    leakage: Estimate
    human_conversion: Estimate


@dataclass(frozen=True, slots=True)
class PolicyFigures:
    """What a policy changes.

    Attributes:
        by_curves: by the demand curves; intervals hold the error of the curves as well.
        doubly_robust: the same corrected by drawn prices; None where none were drawn.
        human_premium: mean of price over base price − 1, over all quotes to humans.
        humans_marked_up: share of the quotes to humans above the base price.
    """

    by_curves: Changes
    doubly_robust: Changes | None
    human_premium: Estimate
    humans_marked_up: float


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Judges policies on the same quotes, curves and resamples.

    Attributes:
        sample: the quotes.
        demand: the curves.
        reference_ratio: price that an agent should pay, in units of the base price.
        payoff: by the curves.
        robust: doubly robust; None where no price was drawn.
        block: of each quote, for the resamples.
        weights: how often each block is drawn, shape (n_resamples, n_blocks).
        parameters: drawn errors of the curves, shape (n_resamples, 4).
    """

    sample: QuoteSample
    demand: FittedDemand
    reference_ratio: float
    payoff: Payoff
    robust: Payoff | None
    block: Ints
    weights: Floats
    parameters: Floats

    @classmethod
    def of(
        cls,
        sample: QuoteSample,
        demand: FittedDemand,
        ratios: Floats,
        reference_ratio: float,
        rng: np.random.Generator,
    ) -> "Judge":
        """Prepare the resamples; `ratios` are all prices that a policy may ask."""
        block = make_blocks(sample.actor, rng)
        weights = resample_weights(int(block.max()) + 1, rng)
        errors = rng.multivariate_normal(np.zeros(4), demand.covariance, len(weights), method="svd")
        payoff, robust = (
            measure_payoff(
                sample, demand.curves, ratios, reference_ratio, is_corrected=is_corrected
            )
            for is_corrected in (False, True)
        )
        has_arms = robust.arms.size > 1
        return cls(
            sample,
            demand,
            reference_ratio,
            payoff,
            robust if has_arms else None,
            block,
            weights,
            errors,
        )

    def figures(self, ratio: Floats) -> PolicyFigures:
        """What prices change.

        Args:
            ratio: price over base price of each quote, shape (n_quotes,).
        """
        human = 1.0 - self.sample.p_agent
        premium = self._ratio(human * (ratio - 1.0), human)
        marked = human[ratio > 1.0].sum() / human.sum() if human.sum() else float("nan")
        return PolicyFigures(
            by_curves=_changes(self._by_curves(ratio)),
            doubly_robust=None
            if self.robust is None
            else _changes(self._drawn(self.robust, ratio)),
            human_premium=premium,
            humans_marked_up=float(marked),
        )

    def difference(self, ratio: Floats, other: Floats) -> Changes:
        """Changes of one policy minus those of another, paired; in shares of the base price's."""
        return _changes(self._by_curves(ratio) - self._by_curves(other))

    def _by_curves(self, ratio: Floats) -> Floats:
        drawn = self._drawn(self.payoff, ratio)
        drawn[:, 1:] += self._moved(ratio)
        return drawn

    def _drawn(self, payoff: Payoff, ratio: Floats) -> Floats:
        """Changes in the sample itself and in each resample, shape (3, 1 + n_resamples)."""
        own, base = (self._by_block(payoff.expected(one)) for one in (ratio, np.ones_like(ratio)))
        point = relative_changes(own.sum(axis=0), base.sum(axis=0))
        drawn = relative_changes((self.weights @ own).T, (self.weights @ base).T)
        return np.column_stack([point, drawn])

    def _by_block(self, values: Floats) -> Floats:
        n_blocks = self.weights.shape[1]
        return np.stack(
            [np.bincount(self.block, one, minlength=n_blocks) for one in values.T], axis=1
        )

    def _ratio(self, above: Floats, below: Floats) -> Estimate:
        sums = self._by_block(np.stack([above, below], axis=1))
        drawn = self.weights @ sums
        with np.errstate(invalid="ignore", divide="ignore"):
            return quantile_interval(
                np.float64(sums[:, 0].sum()) / sums[:, 1].sum(), drawn[:, 0] / drawn[:, 1]
            )

    def _moved(self, ratio: Floats) -> Floats:
        """How the changes move with the drawn errors of the curves, to first order."""
        slopes = np.zeros((3, 4))
        position, base = self.payoff.position(ratio), self.payoff.position(np.ones_like(ratio))
        for parameter in np.flatnonzero(np.diag(self.demand.covariance) > 0).tolist():
            ends = []
            for step in (-_NUDGE, _NUDGE):
                payoff = measure_payoff(
                    self.sample,
                    self.demand.near(parameter, step),
                    self.payoff.ratios,
                    self.reference_ratio,
                    is_corrected=False,
                )
                ends.append(relative_changes(payoff.totals(position), payoff.totals(base)))
            slopes[:, parameter] = (ends[1] - ends[0]) / (2 * _NUDGE)
        return np.asarray(slopes @ self.parameters.T)


def _changes(drawn: Floats) -> Changes:
    return Changes(*(quantile_interval(float(one[0]), one[1:]) for one in drawn))


def relative_changes(own: Floats, base: Floats, agents: float = 1.0) -> Floats:
    """Relative changes of revenue, leakage and purchases by humans.

    Args:
        own: outcomes of the policy as `payoff` orders them, first axis of length 4.
        base: those of the base price, the same shape.
        agents: agents for each human, in units of their present number.
    Returns:
        First axis of length 3; NaN where the base is nothing.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack(
            [
                (own[HUMAN_REVENUE] + agents * own[AGENT_REVENUE])
                / (base[HUMAN_REVENUE] + agents * base[AGENT_REVENUE])
                - 1.0,
                own[LEAKAGE] / base[LEAKAGE] - 1.0,
                own[HUMAN_UNITS] / base[HUMAN_UNITS] - 1.0,
            ]
        )
