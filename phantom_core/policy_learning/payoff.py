"""Payoff: what a quote is expected to bring at any price, doubly robust where prices were drawn.

Revenue, leakage and purchases by humans of a quote are linear in a few numbers of it, so that those
of any set of quotes at every candidate price follow from sums. Demand curves give the first
numbers. Where an experiment drew the price, the residual of the drawn arm, over its propensity,
corrects them: without bias for the arms, and linearly between two arms.
Source: Dudik, Langford and Li 2011, doubly robust; Athey and Wager 2021, policy learning with
doubly robust scores.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from phantom_core.core.arrays import Floats, Ints
from phantom_core.policy_learning.demand_curves import DemandCurves
from phantom_core.policy_learning.quote_sample import QuoteSample

STEP: Final = 0.01
# Of the drawn prices; rarer ratios are those of rounded prices, which belong to the nearest arm.
_LEAST_SHARE: Final = 0.02
# What a quote brings, in this order.
HUMAN_REVENUE, AGENT_REVENUE, LEAKAGE, HUMAN_UNITS = range(4)
N_OUTCOMES: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class Payoff:
    """Expected outcomes of quotes by price.

    Attributes:
        numbers: of each quote, shape (n_quotes, n_numbers).
        ratios: candidate prices over base price, rising by STEP, shape (n_ratios,).
        outcomes: revenue from humans and from agents, leakage, purchases by humans, by number and
            candidate, shape (4, n_numbers, n_ratios); currency except the last.
        arms: price ratios that were drawn, rising; empty where the curves are not corrected.
    """

    numbers: Floats
    ratios: Floats
    outcomes: Floats
    arms: Floats

    def position(self, ratio: Floats) -> Ints:
        """Candidate nearest to each price."""
        at = np.rint((ratio - self.ratios[0]) / STEP).astype(np.int64)
        return np.asarray(np.clip(at, 0, self.ratios.size - 1))

    def expected(self, ratio: Floats) -> Floats:
        """Outcomes of each quote at its price, shape (n_quotes, 4)."""
        at = self.position(ratio)
        return np.stack([(self.numbers * table.T[at]).sum(axis=1) for table in self.outcomes], 1)

    def totals(self, position: Ints) -> Floats:
        """Outcomes of all quotes together, each at a candidate, shape (4,)."""
        by_price = np.stack(
            [np.bincount(position, one, minlength=self.ratios.size) for one in self.numbers.T]
        )
        return np.asarray((self.outcomes * by_price).sum(axis=(1, 2)))


def measure_payoff(
    sample: QuoteSample,
    curves: DemandCurves,
    ratios: Floats,
    reference_ratio: float,
    *,
    is_corrected: bool,
) -> Payoff:
    """Work out the payoff of quotes.

    Args:
        sample: the quotes.
        curves: fitted to quotes, or known.
        ratios: candidates, rising by STEP.
        reference_ratio: price that an agent should pay, in units of the base price.
        is_corrected: whether drawn prices correct the curves.
    """
    agent, human = curves.agent(ratios), curves.human(ratios)
    short = np.maximum(0.0, reference_ratio - ratios)
    cart = sample.in_cart.astype(np.float64)
    by_agent, by_human = cart * sample.p_agent, cart * (1.0 - sample.p_agent)
    numbers = [by_human * sample.base_price, by_agent * sample.base_price, by_human]
    outcomes = np.zeros((N_OUTCOMES, 3, ratios.size))
    outcomes[HUMAN_REVENUE, 0] = ratios * human
    outcomes[AGENT_REVENUE, 1] = ratios * agent
    outcomes[LEAKAGE, 1] = short * agent
    outcomes[HUMAN_UNITS, 2] = human
    arms = drawn_arms(sample) if is_corrected else np.zeros(0)
    if arms.size:
        residual = arm_residuals(sample, curves, arms)
        numbers += [
            column
            for weight in (
                (1.0 - sample.p_agent) * sample.base_price,
                sample.p_agent * sample.base_price,
                1.0 - sample.p_agent,
            )
            for column in (residual * weight[:, None]).T
        ]
        outcomes = np.concatenate([outcomes, _corrections(arms, ratios, short)], axis=1)
    return Payoff(np.column_stack(numbers), ratios, outcomes, arms)


def candidate_ratios(lowest: float, highest: float) -> Floats:
    """Candidate prices over base price, in hundredths.

    >>> candidate_ratios(0.99, 1.01).tolist()
    [0.99, 1.0, 1.01]
    """
    first, last = np.ceil(lowest / STEP - 1e-6), np.floor(highest / STEP + 1e-6)
    return np.round(np.arange(first, last + 1) * STEP, 2)


def drawn_arms(sample: QuoteSample) -> Floats:
    """Price ratios that an experiment drew, rising; empty without an experiment."""
    drawn = sample.in_cart & ~np.isnan(sample.propensity)
    if not drawn.any():
        return np.zeros(0)
    ratios, counts = np.unique(np.round(sample.ratio[drawn], 2), return_counts=True)
    return np.asarray(ratios[counts >= _LEAST_SHARE * drawn.sum()], np.float64)


def arm_residuals(sample: QuoteSample, curves: DemandCurves, arms: Floats) -> Floats:
    """Bought or not minus expected, over the propensity, at the arm that was drawn; 0 elsewhere.

    Returns:
        Shape (n_quotes, n_arms).
    """
    rows = np.flatnonzero(sample.in_cart & ~np.isnan(sample.propensity))
    arm = np.abs(sample.ratio[rows, None] - arms).argmin(axis=1)
    expected = curves.mixed(sample.ratio[rows], sample.p_agent[rows])
    residual = np.zeros((len(sample), arms.size))
    residual[rows, arm] = (sample.bought[rows] - expected) / sample.propensity[rows]
    return residual


def _corrections(arms: Floats, ratios: Floats, short: Floats) -> Floats:
    """Outcomes of the residuals: linear between two arms, those of the nearest beyond them."""
    between = np.stack([np.interp(ratios, arms, one) for one in np.eye(arms.size)])
    found = np.zeros((N_OUTCOMES, 3, arms.size, ratios.size))
    found[HUMAN_REVENUE, 0] = ratios * between
    found[AGENT_REVENUE, 1] = ratios * between
    found[LEAKAGE, 1] = short * between
    found[HUMAN_UNITS, 2] = between
    return found.reshape(N_OUTCOMES, 3 * arms.size, ratios.size)
