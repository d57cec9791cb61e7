"""Known classes: the best that any policy could do, had the class of every shopper been known."""

from dataclasses import dataclass

import numpy as np

from phantom_core.core.arrays import Floats
from phantom_core.policy_learning.demand_curves import DemandCurves
from phantom_core.policy_learning.payoff import LEAKAGE, Payoff


@dataclass(frozen=True, slots=True)
class ClassPrices:
    """A price for humans, and one for agents.

    Attributes:
        leakage_weight: λ at which they are best.
        human, agent: price over base price.
    """

    leakage_weight: float
    human: float
    agent: float


def class_prices(
    curves: DemandCurves, ratios: Floats, reference_ratio: float, leakage_weight: float
) -> ClassPrices:
    """The best price of each class at λ, where humans buy at least as much as at the base price.

    Args:
        curves: demand of both classes.
        ratios: candidate prices over base price.
        reference_ratio: price that an agent should pay, in units of the base price.
        leakage_weight: λ, revenue given up for a unit of leakage.
    """
    agent = curves.agent(ratios)
    short = np.maximum(0.0, reference_ratio - ratios)
    of_agents = ratios * agent - leakage_weight * short * agent
    return ClassPrices(
        leakage_weight, best_human_price(curves, ratios), float(ratios[of_agents.argmax()])
    )


def best_human_price(curves: DemandCurves, ratios: Floats) -> float:
    """The price with the most revenue from humans that does not exceed the base price."""
    revenue = np.where(ratios <= 1.0 + 1e-9, ratios * curves.human(ratios), -np.inf)
    return float(ratios[revenue.argmax()])


def price_of_agents(payoff: Payoff, leakage_change: float, *, is_at_least: bool = False) -> float:
    """The price for agents, at or above the base price, that changes leakage nearest to this.

    Args:
        payoff: of the quotes.
        leakage_change: such as −0.3.
        is_at_least: the lowest price that recovers no less, in place of the nearest.
    """
    agents = payoff.numbers.sum(axis=0) @ payoff.outcomes[LEAKAGE]
    change = agents / agents[payoff.position(np.ones(1))[0]] - 1.0
    from_base = payoff.ratios >= 1.0 - 1e-9
    missed = np.abs(change[from_base] - leakage_change)
    if is_at_least:
        missed[change[from_base] > leakage_change + 1e-9] = np.inf
    return float(payoff.ratios[from_base][missed.argmin()])


def price_classes(human: float, agent: float, p_agent: Floats) -> Floats:
    """Each shopper at the price of its class, the likelier one where it is not labelled."""
    return np.where(p_agent > 0.5, agent, human)
