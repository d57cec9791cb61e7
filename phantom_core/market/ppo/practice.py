"""Practice: the shops that PPO trains on."""

from typing import Any, Final

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats32
from phantom_core.market.env import observation_space
from phantom_core.market.observation import EnvVersion
from phantom_core.market.ppo.hyperparameters import reward_unit
from phantom_core.market.scenario import Scenario
from phantom_core.market.shops import Hour
from phantom_core.market.traffic import ShopperScorer
from phantom_core.market.vec_env import ShopVecEnv, Step

# Every second shop opens with a stock between this share of the full stock and all of it.
_LEAST_STOCK: Final = 0.5
_SHORT_EVERY: Final = 2


class PracticeShops(ShopVecEnv):
    """Shops with five training aids; the resulting policy needs none of them.

    - One more number is observed, by the value network alone: time left, as a share of the horizon.
      In v0 stock would have to stand for it, and a sale would look as if time had passed: values
      would then teach the policy to sell too little.
    - The horizon is reported as a termination, not as a truncation: unsold stock is then worth
      nothing, and no further hours are valued.
    - Rewards are in `reward_unit`s; episode figures stay in money.
    - Every second shop opens with less stock. Otherwise stock and time decrease together, and the
      value network could not separate them.
    - At a reset shops are at different hours of the horizon, so that each rollout covers all
      hours.

    Only whole episodes of shops with full stock are recorded.

    Args:
        scenario: the market.
        n_shops: count.
        seed: of the shoppers.
        version: version of the policy's observations.
        scorer: scores the visitors, for v1; None means the detector's flags.
    """

    def __init__(
        self,
        scenario: Scenario,
        n_shops: int,
        seed: int,
        *,
        version: EnvVersion,
        scorer: ShopperScorer | None = None,
    ) -> None:
        super().__init__(scenario, n_shops, seed, version=version, scorer=scorer)
        self._unit = reward_unit(scenario)
        self._rng = np.random.default_rng([seed, n_shops])
        self._short = np.arange(n_shops) % _SHORT_EVERY == 1
        self._untold = self._short.copy()

    def reset(self) -> Floats32:
        """Open all shops, and let each run some hours at a price of its own: the first none, the
        last almost a whole horizon.
        """
        super().reset()
        shops, n_shops = self._shops, self.num_envs
        hours = np.arange(n_shops) * self.scenario.horizon_h // n_shops
        # Shops close in time get prices far apart: multiples of the golden ratio fill the range
        # evenly.
        spread = np.arange(n_shops) * ((np.sqrt(5.0) - 1.0) / 2.0) % 1.0
        ratio = self.scenario.lowest_ratio + spread * (
            self.scenario.highest_ratio - self.scenario.lowest_ratio
        )
        for left in reversed(range(int(hours.max()))):
            hour = shops.step(ratio)
            self._open(np.flatnonzero(hour.sold_out | hour.closed | (hours == left)))
        self._untold = (shops.state.elapsed_h > 0) | self._short
        return self._observe()

    def step_wait(self) -> Step:
        """Simulate an hour."""
        seen, reward, done, infos = super().step_wait()
        return seen, reward / np.float32(self._unit), done, infos

    def _space(self) -> "spaces.Box[np.float32]":
        return observation_space(np.append(self._highs, np.float32(1.0)))

    def _observe(self) -> Floats32:
        state = self._shops.state
        time_left = (state.hours_left / self.scenario.horizon_h).astype(np.float32)
        return np.column_stack([super()._observe(), time_left])

    def _open(self, rows: NDArray[np.int64]) -> None:
        """Reopen shops, every second one with less stock."""
        super()._open(rows)
        short = rows[self._short[rows]]
        stock = self._shops.state.stock
        stock[short] = np.ceil(stock[short] * self._rng.uniform(_LEAST_STOCK, 1.0, (short.size, 1)))

    def _truncated(self, hour: Hour) -> NDArray[np.bool_]:
        return np.zeros_like(hour.closed)

    def _endings(
        self, rows: NDArray[np.int64], last: Floats32, truncated: NDArray[np.bool_]
    ) -> list[dict[str, Any]]:
        endings = super()._endings(rows, last, truncated)
        for ending, untold in zip(endings, self._untold[rows].tolist(), strict=True):
            if untold:
                del ending["episode"]
        self._untold[rows] = self._short[rows]
        return endings
