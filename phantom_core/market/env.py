"""Gymnasium environments: one shop, one price an hour.

Importing this module registers `DynamicPricingEnv-v0` and `DynamicPricingEnv-v1`.
"""

from typing import Any, ClassVar, Final

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from phantom_core.market.observation import EnvVersion, Observation
from phantom_core.market.scenario import Scenario, load_scenario
from phantom_core.market.shops import Hour, Shops
from phantom_core.market.traffic import AGENT, HUMAN, DetectorScorer, ShopperScorer

DEFAULT_SCENARIO: Final = "tight"
_SEEDS: Final = 2**63


class DynamicPricingEnvV0(gym.Env[NDArray[np.float32], NDArray[np.float32]]):
    """A shop sells a limited stock to humans and agents within a limited time, and sets one price
    an hour.

    ## Action space
    `Box(lowest_ratio, highest_ratio, (1,), float32)`, by default `Box(0.7, 1.5)`: the price of the
    next hour in units of the base price, one for all products. It is the plain multiplier, neither
    centred nor scaled to [-1, 1].

    ## Observation space
    `Box(0, highs, (5,), float32)`, all about the previous hour:

    | # | name           | meaning                                           | high            |
    |---|----------------|---------------------------------------------------|-----------------|
    | 0 | demand         | shoppers who arrived                              | practical limit |
    | 1 | inventory      | units left, all products                          | initial stock   |
    | 2 | hour           | hour of day                                       | 23              |
    | 3 | agent_fraction | share of visitors flagged by the detector         | 1               |
    | 4 | avg_velocity   | mean velocity of visitors, events per minute      | practical limit |

    A practical limit is never exceeded in practice; initial stock counts as at least 1.

    After an hour without visitors, 3 and 4 keep the values of the last hour with one.

    ## Reward
    Revenue − leakage weight · leakage of the hour, in the currency of the base prices. Leakage is
    how far units bought by agents stay below the reference price (1.2 × base price by default).

    ## Starting state
    Full stock, first hour of the scenario. Observations 0, 3 and 4 come from the visitors of the
    previous hour.

    ## Episode end
    Terminated once sold out; truncated at the horizon, unless it sold out in the same hour.

    ## Information
    `ratio` (after the guard rails), `arrivals_human`, `arrivals_agent`, `units_human`,
    `units_agent`, `revenue`, `leakage` of the hour, as floats. Empty after a reset.

    ## Arguments
    `scenario`: a `Scenario`, the name of a built-in one, or a TOML file; default "tight".
    ```python
    gymnasium.make("DynamicPricingEnv-v0", scenario="tight")
    ```

    ## Version history
    v0: five numbers. v1: also time left and model scores.
    """

    version: ClassVar[EnvVersion] = "v0"

    def __init__(self, scenario: Scenario | str = DEFAULT_SCENARIO) -> None:
        self._begin(scenario, None)

    def _begin(self, scenario: Scenario | str, scorer: ShopperScorer | None) -> None:
        self.scenario = load_scenario(scenario) if isinstance(scenario, str) else scenario
        self.scorer = scorer
        self._observation = Observation(self.scenario, self.version)
        self._highs = self._observation.highs()
        self.observation_space: spaces.Space[NDArray[np.float32]] = observation_space(self._highs)
        self.action_space: spaces.Space[NDArray[np.float32]] = action_space(self.scenario)
        self._shops: Shops | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Reopen the shop; the same seed brings the same shoppers, whatever the prices."""
        super().reset(seed=seed)
        if seed is not None or self._shops is None:
            self._shops = Shops(
                self.scenario,
                1,
                int(self.np_random.integers(_SEEDS)) if seed is None else seed,
                self._scorer(),
            )
        else:
            self._shops.reset()
        return self._observe(self._shops), {}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Set the price of the next hour.

        Raises:
            gymnasium.error.ResetNeeded: before the first reset.
            InputError: the price is not a number.
        """
        if self._shops is None:
            raise gym.error.ResetNeeded("Call reset before step.")
        hour = self._shops.step(np.asarray(action, np.float64).reshape(1, -1))
        sold_out = bool(hour.sold_out[0])
        return (
            self._observe(self._shops),
            float(hour.reward[0]),
            sold_out,
            bool(hour.closed[0]) and not sold_out,
            _figures(hour),
        )

    def _scorer(self) -> ShopperScorer | None:
        return self.scorer

    def _observe(self, shops: Shops) -> NDArray[np.float32]:
        return np.asarray(self._observation.of(shops.state, self._highs)[0])


class DynamicPricingEnvV1(DynamicPricingEnvV0):
    """The shop of `DynamicPricingEnv-v0`, which also observes the time left and model scores of
    its visitors.

    ## Observation space
    `Box(0, highs, (8,), float32)`: the five numbers of v0, then

    | # | name       | meaning                                                     | high |
    |---|------------|-------------------------------------------------------------|------|
    | 5 | time_left  | hours left as a share of the horizon                        | 1    |
    | 6 | p_agent    | mean P(agent) of visitors by the scorer                     | 1    |
    | 7 | p_purchase | mean P(purchase) of visitors by the scorer, at their price  | 1    |

    ## Arguments
    `scenario` as in v0; `scorer`: any `Scorer`, by default a `DetectorScorer`, which uses the
    detector's flags only.

    Action, reward, starting state, episode end, information and version history: as in v0.
    """

    version: ClassVar[EnvVersion] = "v1"

    def __init__(
        self, scenario: Scenario | str = DEFAULT_SCENARIO, scorer: ShopperScorer | None = None
    ) -> None:
        self._begin(scenario, scorer)

    def _scorer(self) -> ShopperScorer | None:
        return self.scorer or DetectorScorer(self.scenario)


def action_space(scenario: Scenario) -> "spaces.Box[np.float32]":
    """Prices within the guard rails, shape (1,)."""
    return spaces.Box(scenario.lowest_ratio, scenario.highest_ratio, (1,), dtype=np.float32)


def observation_space(highs: NDArray[np.float32]) -> "spaces.Box[np.float32]":
    """Everything from 0 to `highs`."""
    return spaces.Box(np.zeros_like(highs), highs, dtype=np.float32)


def _figures(hour: Hour) -> dict[str, Any]:
    units = hour.units[0].sum(axis=0)
    return {
        "ratio": float(hour.ratio[0, 0]),
        "arrivals_human": float(hour.arrivals[0, HUMAN]),
        "arrivals_agent": float(hour.arrivals[0, AGENT]),
        "units_human": float(units[HUMAN]),
        "units_agent": float(units[AGENT]),
        "revenue": float(hour.revenue[0]),
        "leakage": float(hour.leakage[0]),
    }


for _env in (DynamicPricingEnvV0, DynamicPricingEnvV1):
    gym.register(id=f"DynamicPricingEnv-{_env.version}", entry_point=f"{__name__}:{_env.__name__}")
