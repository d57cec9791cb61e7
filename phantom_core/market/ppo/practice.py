"""Practice: the shops that PPO learns from."""

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
from phantom_core.market.vec_env import ShopVecEnv, Step

# Every second shop opens with a stock between this share of it and all of it.
_LEAST_STOCK: Final = 0.5
_SHORT_EVERY: Final = 2


class PracticeShops(ShopVecEnv):
    """Shops with five aids for a learner; the policy that comes out needs none of them.

    - One number more is observed, for the network of values alone: time left, as a share of the
    horizon. In v0 stock would have to
      stand for it, and a sale would look as if time had passed: values then teach to sell less than
      is best.
    - The horizon is told as an end, not as a truncation: what is unsold then is worth nothing, and
    no further hours are to be valued.
    - Rewards are in `reward_unit`s; episode figures stay in money.
    - Every second shop opens with less stock. Otherwise stock and time run down together, and no
    value could tell them apart.
    - At a reset shops are at different hours of the horizon, so that each rollout sees all of them.

    Only whole episodes of shops with full stock leave figures.

    Args:
        scenario: what kind of shop.
        n_shops: how many.
        seed: of the shoppers.
        version: what the policy sees.
    """

    def __init__(self, scenario: Scenario, n_shops: int, seed: int, *, version: EnvVersion) -> None:
        super().__init__(scenario, n_shops, seed, version=version)
        self._unit = reward_unit(scenario)
        self._rng = np.random.default_rng([seed, n_shops])
        self._short = np.arange(n_shops) % _SHORT_EVERY == 1
        self._untold = self._short.copy()

    def reset(self) -> Floats32:
        """Open all shops, and let each play some hours at a price of its own: the first none, the
        last almost a whole horizon.
        """
        super().reset()
        shops, n_shops = self._shops, self.num_envs
        hours = np.arange(n_shops) * self.scenario.horizon_h // n_shops
        # Neighbours in time get prices far apart: multiples of the golden ratio fill the range
        # evenly.
        spread = np.arange(n_shops) * ((np.sqrt(5.0) - 1.0) / 2.0) % 1.0
        ratio = self.scenario.lowest_ratio + spread * (
            self.scenario.highest_ratio - self.scenario.lowest_ratio
        )
        for left in reversed(range(int(hours.max()))):
            hour = shops.step(ratio)
            self._open(np.flatnonzero(hour.sold_out | hour.closed | (hours == left)))
        self._untold = (shops.state.elapsed_h > 0) | self._short
        return self._seen()

    def step_wait(self) -> Step:
        """Play an hour."""
        seen, reward, done, infos = super().step_wait()
        return seen, reward / np.float32(self._unit), done, infos

    def _space(self) -> "spaces.Box[np.float32]":
        return observation_space(np.append(self._highs, np.float32(1.0)))

    def _seen(self) -> Floats32:
        state = self._shops.state
        time_left = (state.hours_left / self.scenario.horizon_h).astype(np.float32)
        return np.column_stack([super()._seen(), time_left])

    def _open(self, rows: NDArray[np.int64]) -> None:
        """Open shops anew, every second one with less stock."""
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
