"""The fluid bound: an upper bound on every policy, where the exact optimum is intractable.

Take one arrival under any policy. It finds some prices and some products sold out; given the
past, its expected reward and purchases depend on nothing else. Averaged over all randomness, the
arrivals of all hours with one agent share are a mixture of such situations, and the expected
purchases of a product add up to no more than its stock. The best mixture under these
constraints is a linear program, so its value bounds the expected reward of every policy.

Prices come from a grid, refined around the prices that a first program used. A grid misses
prices between its points, so the returned value is not the program's own but its dual's: with
the shadow price of each unit of stock, the best price of each arrival is searched again on a
dense grid, and that sum bounds the mixture of all prices (weak duality). The error of the dense
grid is of the order of its step squared: less than a millionth of the bound with one product, a
ten-thousandth with two that substitute.

Source: Gallego and van Ryzin (1997), Operations Research 45(1), for networks of products.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.optimize import linprog

from phantom_core.core.arrays import Floats
from phantom_core.core.errors import DataError
from phantom_core.market.demand import leakage_per_unit, purchase_probability
from phantom_core.market.scenario import Scenario

# Points of a product's price grid, where the prices of all products are tried jointly and where
# each is tried alone.
_JOINT_POINTS: Final = 25
_ALONE_POINTS: Final = 161
_MOST_JOINT: Final = 2
_REFINEMENTS: Final = 2
_FINER_POINTS: Final = 7
# Points on which the dual searches, per number of products priced jointly.
_DENSE_POINTS: Final = {1: 20_001, 2: 301}


@dataclass(frozen=True, slots=True)
class _Looks:
    """Probabilities that an arrival views each product.

    Attributes:
        first: probability that a product is the first choice, shape (n_products,).
        second: probability that a shopper who leaves one product views a certain other one.
        base_price: currency, shape (n_products,).
        stock: units, shape (n_products,).
    """

    first: Floats
    second: float
    base_price: Floats
    stock: Floats

    def only(self, product: int) -> "_Looks":
        """One product by itself, as if every shopper who came for another one and keeps looking saw
        it: an upper bound on its visitors.
        """
        reach = self.first[product] + self.second * (1.0 - self.first[product])
        one = slice(product, product + 1)
        return replace(
            self,
            first=np.array([reach]),
            second=0.0,
            base_price=self.base_price[one],
            stock=self.stock[one],
        )


def fluid_bound(scenario: Scenario) -> float:
    """Bound the expected reward of every policy, in currency.

    Up to two products are priced jointly. More products are bounded one by one, which is loose
    where they substitute.
    """
    weights = np.array([product.weight for product in scenario.products])
    looks = _Looks(
        first=weights / weights.sum(),
        second=scenario.substitution / max(len(weights) - 1, 1),
        base_price=np.array([product.base_price for product in scenario.products]),
        stock=np.array([product.stock for product in scenario.products], np.float64),
    )
    if looks.second > 0 and len(weights) <= _MOST_JOINT:
        return _bound(scenario, looks, _JOINT_POINTS)
    return sum(
        _bound(scenario, looks.only(product), _ALONE_POINTS) for product in range(len(weights))
    )


def _bound(scenario: Scenario, looks: _Looks, n_points: int) -> float:
    grids = [
        np.linspace(scenario.lowest_ratio, scenario.highest_ratio, n_points)
    ] * looks.first.size
    width = (scenario.highest_ratio - scenario.lowest_ratio) / max(n_points - 1, 1)
    unit_worth = np.zeros(looks.stock.size)
    for _ in range(_REFINEMENTS + 1):
        unit_worth, used = _program(scenario, looks, grids)
        around = width * np.linspace(-1.0, 1.0, _FINER_POINTS)
        finer = [
            scenario.guard_rails.clamp_all((prices[:, None] + around).ravel()) for prices in used
        ]
        grids = [
            np.unique(np.concatenate([grid, prices]))
            for grid, prices in zip(grids, finer, strict=True)
        ]
        width /= _FINER_POINTS - 1
    dense = np.linspace(
        scenario.lowest_ratio, scenario.highest_ratio, _DENSE_POINTS[looks.first.size]
    )
    return _dual(scenario, looks, [np.union1d(grid, dense) for grid in grids], unit_worth)


def _dual(scenario: Scenario, looks: _Looks, grids: list[Floats], unit_worth: Floats) -> float:
    """The dual value: stock at `unit_worth` a unit, and the best price of each arrival at that
    cost; never less than the best mixture.
    """
    ratio = _situations(grids)
    best = 0.0
    for share, arrivals in zip(*_arrivals(scenario), strict=True):
        reward, units = _per_arrival(scenario, looks, ratio, float(share))
        best += arrivals * (reward - units @ unit_worth).max()
    return float(looks.stock @ unit_worth + best)


def _situations(grids: list[Floats]) -> Floats:
    """All combinations of prices; a sold-out product counts as infinitely expensive."""
    return np.stack(
        [
            axis.ravel()
            for axis in np.meshgrid(*[np.append(grid, np.inf) for grid in grids], indexing="ij")
        ],
        axis=1,
    )


def _program(scenario: Scenario, looks: _Looks, grids: list[Floats]) -> tuple[Floats, list[Floats]]:
    """Shadow price of a unit of each product's stock in the best mixture of situations, and the
    prices in this mixture.

    Args:
        scenario: arrivals, classes and reward.
        looks: which products they view.
        grids: prices of each product, in units of the base price.
    """
    shares, arrivals = _arrivals(scenario)
    ratio = _situations(grids)
    parts = [_per_arrival(scenario, looks, ratio, float(share)) for share in shares]
    reward = np.concatenate([reward for reward, _ in parts])
    units = np.concatenate([units for _, units in parts])
    in_group = np.kron(np.eye(shares.size), np.ones(len(ratio)))
    found = linprog(
        -reward,
        A_ub=np.vstack([units.T, in_group]),
        b_ub=np.append(looks.stock, arrivals),
        method="highs",
    )
    if not found.success:
        raise DataError(
            f"The fluid bound of scenario {scenario.name} was not found: {found.message}"
        )
    chosen = np.tile(ratio, (shares.size, 1))[found.x > 0]
    unit_worth = np.maximum(-found.ineqlin.marginals[: looks.stock.size], 0.0)
    return unit_worth, [np.unique(prices[np.isfinite(prices)]) for prices in chosen.T]


def _arrivals(scenario: Scenario) -> tuple[Floats, Floats]:
    """The different agent shares, and the expected arrivals with each."""
    shares, group = np.unique(scenario.shares(), return_inverse=True)
    return shares, np.asarray(np.bincount(group, scenario.rates()), np.float64)


def _per_arrival(
    scenario: Scenario, looks: _Looks, ratio: Floats, share: float
) -> tuple[Floats, Floats]:
    """Expected reward and purchases of an arrival in each situation, shapes (n_situations,) and
    (n_situations, n_products).
    """
    price = np.where(np.isfinite(ratio), ratio, 0.0)
    reward, units = np.zeros(len(ratio)), np.zeros(ratio.shape)
    classes = (
        (1.0 - share, scenario.human_sensitivity, 0.0),
        (share, scenario.agent_sensitivity, scenario.leakage_weight),
    )
    for probability, sensitivity, weight in classes:
        buys = purchase_probability(ratio, sensitivity)
        leaves = looks.first * (1.0 - buys)
        sold = (
            probability
            * buys
            * (looks.first + looks.second * (leaves.sum(axis=1, keepdims=True) - leaves))
        )
        reward += (sold * (price - weight * leakage_per_unit(scenario, price))) @ looks.base_price
        units += sold
    return reward, units
