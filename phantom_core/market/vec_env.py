"""VecEnv: hundreds of shops as one stable-baselines3 environment, stepped in one batch."""

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from phantom_core.core.arrays import Floats32
from phantom_core.core.errors import InputError
from phantom_core.market.env import action_space, observation_space
from phantom_core.market.observation import EnvVersion, Observation
from phantom_core.market.scenario import Scenario
from phantom_core.market.shops import Hour, Shops
from phantom_core.market.traffic import DetectorScorer, ShopperScorer

Step = tuple[Floats32, Floats32, NDArray[np.bool_], list[dict[str, Any]]]


class ShopVecEnv(VecEnv):
    """Many copies of `DynamicPricingEnv`, with auto-reset and the episode figures that SB3's
    Monitor gives.

    A finished shop's info holds `episode` (r, l, t), `terminal_observation` and
    `TimeLimit.truncated`; the infos of all other shops are one shared empty dict.

    Args:
        scenario: the market.
        n_shops: count, at least 1.
        seed: the same seed gives the same batch; a batch of one gives the episodes of the single
            environment.
        version: "v0" or "v1".
        scorer: a model that scores the visitors, for v1; None means a `DetectorScorer`.
    Raises:
        InputError: fewer than one shop.
    """

    def __init__(
        self,
        scenario: Scenario,
        n_shops: int,
        seed: int | np.random.SeedSequence,
        *,
        version: EnvVersion = "v0",
        scorer: ShopperScorer | None = None,
    ) -> None:
        if version == "v1" and scorer is None:
            scorer = DetectorScorer(scenario)
        self.scenario, self.version, self.render_mode = scenario, version, None
        self._scorer = scorer if version == "v1" else None
        self._observation = Observation(scenario, version)
        self._highs = self._observation.highs()
        self._opened_s = time.perf_counter()
        self._shops = Shops(scenario, n_shops, seed, self._scorer)
        self._fresh = True
        self._quiet: list[dict[str, Any]] = [{}] * n_shops
        self._prices = np.zeros((n_shops, 1), np.float32)
        self._reward, self._length = np.zeros(n_shops), np.zeros(n_shops, np.int64)
        super().__init__(n_shops, self._space(), action_space(scenario))

    def reset(self) -> Floats32:
        """Reopen all shops; right after construction or `seed`, with the first shoppers of that
        seed.
        """
        wanted = self._seeds[0]
        if wanted is not None:
            self._shops = Shops(self.scenario, self.num_envs, wanted, self._scorer)
        elif not self._fresh:
            self._shops.reset()
        self._reset_seeds()
        self._fresh = False
        self._reward[:], self._length[:] = 0.0, 0
        return self._observe()

    def step_async(self, actions: Floats32) -> None:
        """Store the prices of the next hour, shape (n_shops, 1)."""
        self._prices = actions

    def step_wait(self) -> Step:
        """Simulate an hour; shops that are done reopen."""
        hour = self._shops.step(self._prices.astype(np.float64))
        self._fresh = False
        self._reward += hour.reward
        self._length += 1
        done = hour.sold_out | hour.closed
        infos, rows = self._quiet.copy(), np.flatnonzero(done)
        seen = self._observe()
        if rows.size:
            for row, info in zip(
                rows.tolist(),
                self._endings(rows, seen[rows], self._truncated(hour)[rows]),
                strict=True,
            ):
                infos[row] = info
            self._open(rows)
            self._reward[rows], self._length[rows] = 0.0, 0
            seen = self._observe()
        return seen, hour.reward.astype(np.float32), done, infos

    def close(self) -> None:
        """There is nothing to release."""

    def get_attr(self, attr_name: str, indices: int | Iterable[int] | None = None) -> list[Any]:
        """An attribute of the batch, once for each shop."""
        return [getattr(self, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(
        self, attr_name: str, value: object, indices: int | Iterable[int] | None = None
    ) -> None:
        """Rejected: shops of a batch share everything but their state."""
        raise InputError(
            f"{attr_name} of one shop cannot be set: shops of a batch share it.",
            hint="Make another batch.",
        )

    def env_method(
        self,
        method_name: str,
        *method_args: object,
        indices: int | Iterable[int] | None = None,
        **method_kwargs: object,
    ) -> list[Any]:
        """Rejected: there is no environment per shop."""
        raise InputError(f"A batch of shops has no environment per shop that could {method_name}.")

    def env_is_wrapped(
        self, wrapper_class: type[Any], indices: int | Iterable[int] | None = None
    ) -> list[bool]:
        """Never: there is no environment per shop, and episode figures need no Monitor."""
        return [False] * len(list(self._get_indices(indices)))

    def _space(self) -> "spaces.Box[np.float32]":
        return observation_space(self._highs)

    def _observe(self) -> Floats32:
        return self._observation.of(self._shops.state, self._highs)

    def _open(self, rows: NDArray[np.int64]) -> None:
        """Reopen finished shops."""
        self._shops.reset(rows)

    def _truncated(self, hour: Hour) -> NDArray[np.bool_]:
        """Whether the horizon ended the episode with stock left."""
        return hour.closed & ~hour.sold_out

    def _endings(
        self, rows: NDArray[np.int64], last: Floats32, truncated: NDArray[np.bool_]
    ) -> list[dict[str, Any]]:
        """The infos that SB3 expects of finished shops."""
        age_s = round(time.perf_counter() - self._opened_s, 6)
        figures = zip(
            self._reward[rows].tolist(),
            self._length[rows].tolist(),
            last,
            truncated.tolist(),
            strict=True,
        )
        return [
            {
                "episode": {"r": reward, "l": hours, "t": age_s},
                "terminal_observation": seen,
                "TimeLimit.truncated": cut,
            }
            for reward, hours, seen, cut in figures
        ]
