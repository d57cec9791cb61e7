"""Demand curves: purchase probability of a shopper of each class at each price."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom_core.accounts.permissions import needs_no_permission
from phantom_core.market.demand import purchase_probability, sales_per_arrival
from phantom_core.market.scenario import Scenario

_POINTS = 121


@dataclass(frozen=True, slots=True)
class DemandCurves:
    """Arrays of shape (n_prices,).

    Attributes:
        ratio: prices in units of the base price, between the guard rails.
        human, agent: probability that an arriving shopper buys.
        reward: expected reward of one arrival, stock permitting, in base prices.
        reference_ratio: price below which an agent's purchase leaks.
    """

    ratio: NDArray[np.float64]
    human: NDArray[np.float64]
    agent: NDArray[np.float64]
    reward: NDArray[np.float64]
    reference_ratio: float


@needs_no_permission
def demand_curves(scenario: Scenario) -> DemandCurves:
    """The curves of a scenario, at the agent share it starts with."""
    ratio = np.linspace(scenario.lowest_ratio, scenario.highest_ratio, _POINTS)
    sales = sales_per_arrival(scenario, ratio, scenario.agent_share)
    return DemandCurves(
        ratio=ratio,
        human=purchase_probability(ratio, scenario.human_sensitivity),
        agent=purchase_probability(ratio, scenario.agent_sensitivity),
        reward=sales.revenue - scenario.leakage_weight * sales.leakage,
        reference_ratio=scenario.reference_ratio,
    )
