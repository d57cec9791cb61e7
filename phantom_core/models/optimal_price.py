"""Optimal price: the one with the highest expected objective within the guard rails."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.core.errors import InputError
from phantom_core.core.limits import GuardRails
from phantom_core.core.registry import choose_named

Demand = Callable[[Floats], Floats]
Objective = Literal["net_of_leakage", "as_first_written"]
OBJECTIVES: Final[tuple[Objective, ...]] = get_args(Objective)
_GRID: Final = 81
_FINER: Final = 21


def objective_named(name: str) -> Objective:
    """An objective by its name.

    Raises:
        InputError: there is no such objective.
    """
    return choose_named("objective", name, OBJECTIVES)


@dataclass(frozen=True, slots=True)
class PricingObjective:
    """How prices are scored.

    Attributes:
        guard_rails: the price lies within them.
        reference_ratio: price below which an agent's purchase leaks, over base price.
        leakage_weight: what a unit of leakage costs (λ).
        objective: "net_of_leakage" maximises P(buy | p) · (p − λ · P(agent) · max(0, p_ref − p));
            "as_first_written" maximises p · P(buy | p) · (1 + λ · P(agent)), in which λ changes
            nothing, since the last factor does not depend on p.
    Raises:
        InputError: a value below 0.
    """

    guard_rails: GuardRails
    reference_ratio: float = 1.2
    leakage_weight: float = 0.5
    objective: Objective = "net_of_leakage"

    def __post_init__(self) -> None:
        if self.reference_ratio < 0 or self.leakage_weight < 0:
            raise InputError("Reference price and weight of leakage cannot be below 0.")


@dataclass(frozen=True, slots=True, eq=False)
class OptimalPrice:
    """Best prices, each array of shape (n,), money in units of the base price.

    Attributes:
        ratio: price over base price.
        p_purchase: P(buy) at it.
        revenue: expected, P(buy) · price.
        leakage: expected, P(buy) · P(agent) · max(0, p_ref − price).
        value: of the objective.
        is_at_guard_rail: whether a guard rail stopped it.
    """

    ratio: Floats
    p_purchase: Floats
    revenue: Floats
    leakage: Floats
    value: Floats
    is_at_guard_rail: NDArray[np.bool_]


def expected_revenue(
    terms: PricingObjective, ratios: Floats, p_purchase: Floats, p_agent: Floats
) -> tuple[Floats, Floats, Floats]:
    """Expected revenue, leakage and objective at prices, in units of the base price.

    Args:
        terms: how prices are scored.
        ratios: price over base price, shape (n, n_prices).
        p_purchase: P(buy) at these, shape (n, n_prices).
        p_agent: shape (n,).
    Returns:
        Three of shape (n, n_prices).
    """
    agent = p_agent[:, None]
    revenue = p_purchase * ratios
    leakage = p_purchase * agent * np.maximum(0.0, terms.reference_ratio - ratios)
    if terms.objective == "as_first_written":
        return revenue, leakage, revenue * (1.0 + terms.leakage_weight * agent)
    return revenue, leakage, revenue - terms.leakage_weight * leakage


def price_grid(terms: PricingObjective) -> Floats:
    """Prices between the guard rails, shape (81,)."""
    return np.linspace(terms.guard_rails.lowest_markup, terms.guard_rails.highest_markup, _GRID)


def optimal_prices(terms: PricingObjective, demand: Demand, p_agent: Floats) -> OptimalPrice:
    """Search a grid, then a finer one around its best price.

    Args:
        terms: how prices are scored.
        demand: P(buy) at price ratios, shape (n, n_prices) in and out.
        p_agent: shape (n,).
    """
    rows = np.arange(p_agent.size)
    grid = np.broadcast_to(price_grid(terms), (p_agent.size, _GRID))
    coarse = expected_revenue(terms, grid, demand(grid), p_agent)[2].argmax(axis=1)
    allowed = terms.guard_rails
    step = (allowed.highest_markup - allowed.lowest_markup) / (_GRID - 1)
    around = grid[rows, coarse][:, None] + step * np.linspace(-1.0, 1.0, _FINER)
    finer = allowed.clamp_all(around)
    p_purchase = demand(finer)
    revenue, leakage, value = expected_revenue(terms, finer, p_purchase, p_agent)
    best = rows, value.argmax(axis=1)
    ratio = finer[best]
    at_guard_rail = np.isclose(ratio, allowed.lowest_markup) | np.isclose(
        ratio, allowed.highest_markup
    )
    return OptimalPrice(
        ratio, p_purchase[best], revenue[best], leakage[best], value[best], at_guard_rail
    )
