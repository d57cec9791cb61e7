"""Robust policies: maximin and minimax regret for an agents' share known only to an interval."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from phantom_core.core.arrays import Floats
from phantom_core.core.errors import InputError
from phantom_core.market.policies.kind import POLICIES, PolicyKind, PolicyRequest
from phantom_core.market.robust import (
    MixedPrices,
    ShareInterval,
    solve_maximin,
    solve_minimax_regret,
)
from phantom_core.market.scenario import Scenario
from phantom_core.market.shops import State

# How far the page lets the share be from the scenario's own.
USUAL_REACH: Final = 0.2
# Multiples of it, modulo 1, are spread evenly: each shop draws its price without a random stream.
_GOLDEN: Final = 0.618033988749895


@dataclass(frozen=True, slots=True, eq=False)
class Robust:
    """Looks up the price by hour and stock; of two mixed prices every shop gets one.

    Attributes:
        prices: of the scenario that is simulated.
        name: label in results.
    """

    prices: MixedPrices
    name: str

    def ratios(self, state: State) -> Floats:
        """The price in the table for each shop's hour and stock."""
        hour = np.minimum(state.elapsed_h, len(self.prices.first) - 1)
        stock = state.stock[:, 0]
        drawn = (_GOLDEN * (np.arange(stock.size) + 7 * hour)) % 1.0
        return np.where(
            drawn < self.prices.weight[hour, stock],
            self.prices.first[hour, stock],
            self.prices.second[hour, stock],
        )


def interval_named(scenario: Scenario, detail: str, name: str) -> ShareInterval:
    """The interval that the name of a policy gives, such as 0.5-0.9.

    Raises:
        InputError: it is no interval of shares.
    """
    parts = detail.split("-")
    try:
        low, high = (float(part) for part in parts)
    except ValueError:
        raise InputError(
            f"'{detail}' in policy {name} is not an interval of shares.",
            hint="Write robust:0.5-0.9 where agents are from half to nine tenths of the shoppers.",
        ) from None
    return ShareInterval.of(scenario, low, high)


def usual_interval(scenario: Scenario) -> str:
    """The interval that the page offers: around the scenario's own share."""
    low = max(0.0, scenario.agent_share - USUAL_REACH)
    high = min(1.0, scenario.agent_share + USUAL_REACH)
    return f"{round(low, 2):g}-{round(high, 2):g}"


def _maximin(request: PolicyRequest) -> Robust:
    shares = interval_named(request.scenario, request.detail, request.name)
    return Robust(solve_maximin(request.scenario, shares).prices, request.name)


def _regret(request: PolicyRequest) -> Robust:
    shares = interval_named(request.scenario, request.detail, request.name)
    return Robust(solve_minimax_regret(request.scenario, shares), request.name)


POLICIES.register(
    PolicyKind(
        name="robust",
        title="Maximin, agents'",
        description="The highest worst case where the agents' share of each hour lies in an "
        "interval; one product only. Its percentage of the optimum is the price of robustness.",
        order=62,
        make=_maximin,
        detail="required",
        placeholder="LOW-HIGH",
        has_one_product=True,
        colour="#4b6fd1",
        suggest=usual_interval,
    )
)
POLICIES.register(
    PolicyKind(
        name="regret",
        title="Minimax regret, agents'",
        description="The smallest largest regret where the agents' share of each hour lies in an "
        "interval; one product only.",
        order=64,
        make=_regret,
        detail="required",
        placeholder="LOW-HIGH",
        has_one_product=True,
        colour="#8a6d5b",
        suggest=usual_interval,
    )
)
