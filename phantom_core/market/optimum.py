"""The optimum: the best possible policy, by backward induction over time and stock.

For one product the market is a finite Markov decision process. Arrivals are Poisson and buy
independently, so the shoppers who want to buy in an hour are Poisson too, and the class of each
is independent of their number. With V(t, n) the value of n units at hour t,

    V(t, n) = max over r of  E[min(K, n)] · w(r) + E[V(t + 1, n − min(K, n))],
    K ~ Poisson(rate(t) · P(buy | r)),

where w(r) is the value of one sale. Observations of past hours carry no information about the
next, so a policy that observes more than hour and stock cannot do better.

Source: Gallego and van Ryzin (1994), Management Science 40(8), for the model; Bellman (1957) for
the induction.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.stats import poisson

from phantom_core.core.errors import InputError
from phantom_core.market.demand import sales_per_arrival
from phantom_core.market.scenario import Scenario

_STEP: Final = 0.005
# Demand beyond this tail probability is truncated here.
_TAIL: Final = 1e-12
# Hours times units that are solved in well under a minute.
MOST_SITUATIONS: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Solution:
    """Values and prices of every state.

    Attributes:
        value: expected reward still to come, in base prices × base price, shape (horizon_h + 1,
            stock + 1).
        ratio: best price in units of the base price, shape (horizon_h, stock + 1); at stock 0 the
            highest allowed.
    """

    value: NDArray[np.float64]
    ratio: NDArray[np.float64]

    @property
    def reward(self) -> float:
        """Expected reward of an episode."""
        return float(self.value[0, -1])


def market_price_grid(scenario: Scenario) -> NDArray[np.float64]:
    """Candidate prices in units of the base price: the guard rails, and steps of half a percent
    between them.
    """
    n = round((scenario.highest_ratio - scenario.lowest_ratio) / _STEP) + 1
    return np.linspace(scenario.lowest_ratio, scenario.highest_ratio, max(n, 1))


def is_solvable(scenario: Scenario) -> bool:
    """Whether the optimum can be computed: one product, and not too many states."""
    return (
        len(scenario.products) == 1
        and scenario.horizon_h * scenario.products[0].stock <= MOST_SITUATIONS
    )


def solve_optimum(scenario: Scenario) -> Solution:
    """Compute the best prices and their expected reward.

    Raises:
        InputError: more than one product, whose joint stock has too many levels, or too many hours
            and units.
    """
    require_solvable(scenario)
    return _induce(scenario, market_price_grid(scenario))


def require_solvable(scenario: Scenario) -> None:
    """Refuse a scenario that backward induction cannot solve.

    Raises:
        InputError: more than one product, whose joint stock has too many levels, or too many hours
            and units.
    """
    _check_one_product(scenario)
    if not is_solvable(scenario):
        raise InputError(
            f"Scenario {scenario.name} is too large for the exact optimum: {scenario.horizon_h:,} "
            f"hours × {scenario.products[0].stock:,} units.",
            hint=f"It is computed up to {MOST_SITUATIONS:,}; beyond, use the fluid bound, an upper "
            "bound on every policy.",
        )


def value_of_fixed(scenario: Scenario, ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected reward of one fixed price throughout.

    At a fixed price the cumulative demand until an hour is Poisson, so cumulative sales have the
    mean E[min(n, K)] in closed form, and each sale of an hour has the same value whatever happened
    before.

    Args:
        scenario: of one product.
        ratios: prices in units of the base price, shape (n,).
    Returns:
        Rewards, shape (n,).
    Raises:
        InputError: more than one product.
    """
    _check_one_product(scenario)
    product, price = scenario.products[0], np.asarray(ratios, np.float64)[:, None]
    sales = sales_per_arrival(scenario, price, scenario.shares())
    worth = (sales.revenue - scenario.leakage_weight * sales.leakage) / sales.probability
    wanted = np.cumsum(scenario.rates() * sales.probability, axis=1)
    sold = np.diff(_expected_sales(product.stock, wanted), axis=1, prepend=0.0)
    return np.asarray(product.base_price * (worth * sold).sum(axis=1))


def _expected_sales(stock: int, wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """E[min(stock, K)], K ~ Poisson(wanted)."""
    return np.asarray(
        wanted * poisson.cdf(stock - 2, wanted) + stock * poisson.sf(stock - 1, wanted)
    )


def _check_one_product(scenario: Scenario) -> None:
    if len(scenario.products) > 1:
        raise InputError(
            f"The exact optimum is defined for one product only; scenario {scenario.name} has "
            f"{len(scenario.products)}.",
            hint="Use the fluid bound, an upper bound on every policy.",
        )


def _induce(scenario: Scenario, grid: NDArray[np.float64]) -> Solution:
    product = scenario.products[0]
    value = np.zeros((scenario.horizon_h + 1, product.stock + 1))
    ratio = np.full((scenario.horizon_h, product.stock + 1), scenario.highest_ratio)
    rates, shares = scenario.rates(), scenario.shares()
    kinds = {
        (rate, share): HourKind(scenario, grid, rate, share, product.stock)
        for rate, share in set(zip(rates.tolist(), shares.tolist(), strict=True))
    }
    for hour in reversed(range(scenario.horizon_h)):
        worth = kinds[rates[hour], shares[hour]].worth(value[hour + 1])
        chosen = worth.argmax(axis=0)
        value[hour, 1:] = np.take_along_axis(worth, chosen[None], axis=0)[0]
        ratio[hour, 1:] = grid[chosen]
    return Solution(value * product.base_price, ratio)


class HourKind:
    """What an hour with these arrivals brings, by price and stock.

    Args:
        scenario: gives sensitivities, leakage and its weight.
        grid: prices in units of the base price, shape (n_prices,).
        rate: expected arrivals.
        share: probability that an arrival is an agent.
        stock: most units.
    """

    def __init__(
        self, scenario: Scenario, grid: NDArray[np.float64], rate: float, share: float, stock: int
    ) -> None:
        sales = sales_per_arrival(scenario, grid, share)
        reward = (sales.revenue - scenario.leakage_weight * sales.leakage) / sales.probability
        buyers = rate * sales.probability
        most = int(poisson.isf(_TAIL, buyers.max())) + 1 if rate > 0 else 0
        self._chance = poisson.pmf(np.arange(min(most, stock) + 1), buyers[:, None])
        more = poisson.sf(np.arange(stock), buyers[:, None])
        self._now = reward[:, None] * np.cumsum(more, axis=1)

    def worth(self, later: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected reward from here on, shape (n_prices, stock), for 1 unit and more.

        Args:
            later: value by stock an hour later, shape (stock + 1,); nothing is worth nothing.
        """
        n_sold = self._chance.shape[1]
        padded = np.concatenate([np.zeros(n_sold - 1), later])
        left = sliding_window_view(padded, n_sold)[1:, ::-1]
        return np.asarray(self._now + self._chance @ left.T)
