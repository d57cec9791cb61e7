"""Demand: how likely a shopper buys at a price, and what a sale is worth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from phantom_core.market.scenario import Scenario


def purchase_probability(ratio: ArrayLike, sensitivity: ArrayLike) -> NDArray[np.float64]:
    """P(buy) = 1 / (1 + ratio ^ s): one half at the base price, falling with the price.

    Args:
        ratio: price over base price, > 0, any shape.
        sensitivity: exponent s > 0, of a shape that broadcasts.

    >>> purchase_probability([0.5, 1.0, 2.0], 2.0).tolist()
    [0.8, 0.5, 0.2]
    """
    return np.asarray(1.0 / (1.0 + np.power(np.asarray(ratio, np.float64), sensitivity)))


@dataclass(frozen=True, slots=True)
class Sales:
    """Expected value of one arriving shopper at each price, arrays of one shape.

    Attributes:
        probability: P(buy) of a shopper of unknown class.
        revenue: expected revenue, in base prices.
        leakage: expected leakage, in base prices.
    """

    probability: NDArray[np.float64]
    revenue: NDArray[np.float64]
    leakage: NDArray[np.float64]


def sales_per_arrival(scenario: Scenario, ratio: ArrayLike, share: ArrayLike) -> Sales:
    """Expected sales to one arriving shopper, stock permitting.

    Args:
        scenario: gives sensitivities and reference price.
        ratio: price over base price.
        share: probability that the shopper is an agent, of a shape that broadcasts.
    """
    price, agents = np.asarray(ratio, np.float64), np.asarray(share, np.float64)
    by_agents = agents * purchase_probability(price, scenario.agent_sensitivity)
    by_humans = (1.0 - agents) * purchase_probability(price, scenario.human_sensitivity)
    return Sales(
        by_agents + by_humans,
        price * (by_agents + by_humans),
        by_agents * leakage_per_unit(scenario, price),
    )


def leakage_per_unit(scenario: Scenario, ratio: ArrayLike) -> NDArray[np.float64]:
    """How far the price of an agent's purchase is below the reference price, in base prices."""
    return np.asarray(np.maximum(0.0, scenario.reference_ratio - np.asarray(ratio, np.float64)))
