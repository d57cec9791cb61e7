"""The best fixed price: the benchmark that an adaptive policy has to beat."""

from typing import Final

import numpy as np
from scipy.optimize import minimize_scalar

from phantom_core.market.optimum import value_of_fixed
from phantom_core.market.scenario import Scenario
from phantom_core.market.shops import Shops

_STEP: Final = 0.01
_EPISODES: Final = 400


def best_fixed_ratio(scenario: Scenario, seed: int) -> float:
    """Search the fixed price with the highest expected reward.

    With one product the expectation is exact; with several it is a mean over simulated episodes
    that are not used for the evaluation.

    Args:
        scenario: the market.
        seed: of those episodes.
    """
    n = round((scenario.highest_ratio - scenario.lowest_ratio) / _STEP) + 1
    grid = np.linspace(scenario.lowest_ratio, scenario.highest_ratio, max(n, 1))
    if len(scenario.products) > 1:
        rewards = np.array([_simulated(scenario, float(ratio), seed) for ratio in grid])
        return float(grid[rewards.argmax()])
    values = value_of_fixed(scenario, grid)
    top = int(values.argmax())
    low, high = grid[max(top - 1, 0)], grid[min(top + 1, grid.size - 1)]
    if low == high:
        return float(low)
    found = minimize_scalar(
        lambda ratio: -value_of_fixed(scenario, np.array([ratio]))[0],
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(found.x) if -found.fun > values[top] else float(grid[top])


def _simulated(scenario: Scenario, ratio: float, seed: int) -> float:
    """Mean reward of an episode; every price is tried on the same shoppers."""
    shops = Shops(scenario, _EPISODES, np.random.SeedSequence([seed, _EPISODES]))
    prices = np.full(_EPISODES, ratio)
    return float(sum(shops.step(prices).reward.mean() for _ in range(scenario.horizon_h)))
