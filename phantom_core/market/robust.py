"""Robust prices: the best where the agents' share in each hour is known only to lie in an interval.

Maximin: the share of each hour is chosen against the shop, from its interval, with stock and past
known; prices may be mixed. Backward induction over hour and stock solves a two-state game in each,
between the ends of the interval. That the worst share lies at an end is checked, not assumed:
`worst_case` tries shares between them as well.

Minimax regret: in every hour and stock the smallest largest loss against the price that had been
best for the actual share, where units left are worth what they are at the middle of the interval.
Without an end of stock the reward is linear in the share, so regret is convex in it and largest at
an end of the interval: a two-state game again.

Neither is better than the optimum at the nominal share; `nominal_value` says what it costs there.
Source: Iyengar 2005, Robust dynamic programming (rectangular sets); Savage 1951 for regret.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from phantom_core.core.arrays import Floats
from phantom_core.core.errors import InputError
from phantom_core.market.optimum import HourKind, Solution, market_price_grid, require_solvable
from phantom_core.market.scenario import Scenario
from phantom_core.market.two_state_game import Mixtures, solve_games

# Shares between the ends at which the worst case is looked for as well.
_BETWEEN: Final = 5
# From what each price is worth at both ends, and at a part of the way between them, to the mixtures
# of an hour and what it is worth.
_Solve = Callable[[Floats, Floats, Callable[[float], Floats]], tuple[Mixtures, Floats]]


@dataclass(frozen=True, slots=True, eq=False)
class ShareInterval:
    """The agents' share in each hour of the horizon, shape (horizon_h,) each.

    Attributes:
        low, high: its ends.
    Raises:
        InputError: an end out of [0, 1], or in the wrong order.
    """

    low: Floats
    high: Floats

    def __post_init__(self) -> None:
        if (self.low < 0).any() or (self.high > 1).any() or (self.low > self.high).any():
            raise InputError(
                f"Agents cannot be from {self.low.min():g} to {self.high.max():g} of the shoppers.",
                hint="Give two shares from 0 to 1, the lower one first.",
            )

    @classmethod
    def of(cls, scenario: Scenario, low: float, high: float) -> "ShareInterval":
        """The same interval in every hour."""
        hours = scenario.horizon_h
        return cls(np.full(hours, low), np.full(hours, high))


@dataclass(frozen=True, slots=True, eq=False)
class MixedPrices:
    """Prices by hour and stock, two of them with a probability; shape (horizon_h, stock + 1) each.

    Attributes:
        first, second: in units of the base price; equal where one suffices.
        weight: probability of the first.
    """

    first: Floats
    second: Floats
    weight: Floats


@dataclass(frozen=True, slots=True, eq=False)
class RobustSolution:
    """A maximin policy.

    Attributes:
        prices: by hour and stock.
        value: expected reward of an episode in the worst case, currency.
    """

    prices: MixedPrices
    value: float


def solve_maximin(
    scenario: Scenario, shares: ShareInterval, grid: Floats | None = None
) -> RobustSolution:
    """The policy with the highest worst case.

    Args:
        scenario: of one product.
        shares: between which the agents' share of each hour lies.
        grid: prices in units of the base price; None means those of the optimum.
    Raises:
        InputError: a scenario that the optimum refuses too.
    """

    def solve(low: Floats, high: Floats, _: Callable[[float], Floats]) -> tuple[Mixtures, Floats]:
        games = solve_games(low, high)
        return games, games.value

    prices, value = _solve_backwards(scenario, shares, grid, solve)
    return RobustSolution(prices, float(value[-1]) * scenario.products[0].base_price)


def solve_minimax_regret(
    scenario: Scenario, shares: ShareInterval, grid: Floats | None = None
) -> MixedPrices:
    """The policy with the smallest largest regret in every hour and stock.

    Args:
        scenario: of one product.
        shares: between which the agents' share of each hour lies.
        grid: prices in units of the base price; None means those of the optimum.
    Raises:
        InputError: a scenario that the optimum refuses too.
    """

    def solve(low: Floats, high: Floats, at: Callable[[float], Floats]) -> tuple[Mixtures, Floats]:
        games = solve_games(low - low.max(axis=0), high - high.max(axis=0))
        return games, at(0.5).max(axis=0)

    return _solve_backwards(scenario, shares, grid, solve)[0]


def worst_case(scenario: Scenario, shares: ShareInterval, prices: MixedPrices) -> float:
    """Expected reward of an episode against the worst shares, currency.

    Args:
        scenario: of one product.
        shares: of each hour; the ends and _BETWEEN shares between them are tried.
        prices: of the policy.
    """

    def tried(hour: int) -> Floats:
        return np.unique(np.linspace(shares.low[hour], shares.high[hour], 2 + _BETWEEN))

    return _played(scenario, prices, tried)


def nominal_value(scenario: Scenario, prices: MixedPrices) -> float:
    """Expected reward of an episode at the scenario's own shares, currency."""
    own = scenario.shares()
    return _played(scenario, prices, lambda hour: own[hour : hour + 1])


def pure_prices(solution: Solution) -> MixedPrices:
    """The optimum of some shares as prices that are not mixed."""
    return MixedPrices(solution.ratio, solution.ratio, np.ones_like(solution.ratio))


def fixed_prices(scenario: Scenario, ratio: float) -> MixedPrices:
    """One price throughout."""
    table = np.full((scenario.horizon_h, scenario.products[0].stock + 1), ratio)
    return MixedPrices(table, table, np.ones_like(table))


def _played(scenario: Scenario, prices: MixedPrices, tried: Callable[[int], Floats]) -> float:
    """Expected reward of an episode where each hour has the worst of some shares."""
    grid, place = np.unique(np.stack([prices.first, prices.second]), return_inverse=True)
    first, second = place.reshape(2, *prices.first.shape)
    hours, product = _Hours(scenario, grid), scenario.products[0]
    value = np.zeros(product.stock + 1)
    units = np.arange(product.stock)
    for hour in reversed(range(scenario.horizon_h)):
        weight = prices.weight[hour, 1:]
        worths = [hours.worth(hour, float(share), value) for share in tried(hour)]
        mixed = [
            weight * worth[first[hour, 1:], units] + (1 - weight) * worth[second[hour, 1:], units]
            for worth in worths
        ]
        value = np.append(0.0, np.min(mixed, axis=0))
    return float(value[-1]) * product.base_price


def _solve_backwards(
    scenario: Scenario, shares: ShareInterval, grid: Floats | None, solve: _Solve
) -> tuple[MixedPrices, Floats]:
    """Prices of every hour and stock, the last hour first, and what the first hour is worth."""
    require_solvable(scenario)
    prices = market_price_grid(scenario) if grid is None else grid
    hours, product = _Hours(scenario, prices), scenario.products[0]
    later = np.zeros(product.stock + 1)
    found = np.empty((3, scenario.horizon_h, product.stock + 1))
    found[:, :, 0] = np.array([scenario.highest_ratio, scenario.highest_ratio, 1.0])[:, None]
    for hour in reversed(range(scenario.horizon_h)):
        low, high = shares.low[hour], shares.high[hour]
        at = partial(_worth_between, hours, hour, low, high, later)
        games, value = solve(at(0.0), at(1.0), at)
        found[:, hour, 1:] = prices[games.first], prices[games.second], games.weight
        later = np.append(0.0, value)
    return MixedPrices(*found), later


def _worth_between(
    hours: "_Hours", hour: int, low: float, high: float, later: Floats, part: float
) -> Floats:
    """Worth at a share of the interval, 0 for its lower and 1 for its upper end."""
    share = {0.0: low, 1.0: high}.get(part, low + part * (high - low))
    return hours.worth(hour, share, later)


class _Hours:
    """Expected reward of each price by hour, share and stock; hours that are alike are cached."""

    def __init__(self, scenario: Scenario, grid: Floats) -> None:
        self._scenario, self._grid, self._rates = scenario, grid, scenario.rates()
        self._kinds: dict[tuple[float, float], HourKind] = {}

    def worth(self, hour: int, share: float, later: Floats) -> Floats:
        """Shape (n_prices, stock), for 1 unit and more, in base prices."""
        key = (float(self._rates[hour]), float(share))
        if key not in self._kinds:
            stock = self._scenario.products[0].stock
            self._kinds[key] = HourKind(self._scenario, self._grid, *key, stock)
        return self._kinds[key].worth(later)
