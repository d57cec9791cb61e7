"""Observation: what a learning agent observes of a shop, as numbers."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.errors import InputError
from phantom_core.market.scenario import HOURS_A_DAY, Scenario, Velocity
from phantom_core.market.shops import State

EnvVersion = Literal["v0", "v1"]
ENV_VERSIONS: Final[tuple[EnvVersion, ...]] = ("v0", "v1")
V0_NAMES: Final = ("demand", "inventory", "hour", "agent_fraction", "avg_velocity")
V1_NAMES: Final = (*V0_NAMES, "time_left", "p_agent", "p_purchase")
# A Poisson or gamma variable does not exceed its mean by this many standard deviations in
# practice.
_BEYOND_SD: Final = 50.0


@dataclass(frozen=True, slots=True)
class Observation:
    """Encodes the state of shops as numbers.

    Args:
        scenario: what is observed; only its limits matter.
        version: "v0" for the five numbers, "v1" for those and time left, mean P(agent) and mean
            P(purchase).
    """

    scenario: Scenario
    version: EnvVersion

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each number."""
        return V0_NAMES if self.version == "v0" else V1_NAMES

    def highs(self) -> NDArray[np.float32]:
        """Largest value of each number, shape (5,) or (8,); the smallest is 0."""
        rate = max(float(self.scenario.rates().max()), *self.scenario.arrivals)
        demand = np.ceil(rate + _BEYOND_SD * (1.0 + np.sqrt(rate)))
        stock = sum(product.stock for product in self.scenario.products)
        velocity = max(_most(self.scenario.human_velocity), _most(self.scenario.agent_velocity))
        five = [demand, max(stock, 1), HOURS_A_DAY - 1, 1.0, velocity]
        return np.array(five if self.version == "v0" else [*five, 1.0, 1.0, 1.0], np.float32)

    def of(self, state: State, highs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Observe shops.

        Args:
            state: of n_shops shops.
            highs: from `highs`, computed once.
        Returns:
            Shape (n_shops, 5) or (n_shops, 8), within 0 and `highs`.
        Raises:
            InputError: the shops have no scorer, and this version needs one.
        """
        seen = np.empty((state.demand.size, highs.size), np.float32)
        seen[:, 0] = state.demand
        seen[:, 1] = state.stock.sum(axis=1)
        seen[:, 2] = state.hour
        seen[:, 3] = state.agent_fraction
        seen[:, 4] = state.velocity
        if self.version == "v1":
            seen[:, 5] = state.hours_left / (state.elapsed_h + state.hours_left)
            seen[:, 6] = state.p_agent
            seen[:, 7] = state.p_purchase
            if np.isnan(seen[:, 6:]).any():
                raise InputError(
                    "A policy with model features needs shops with a scorer.",
                    hint="Give the shops a scorer, or run a v0 policy.",
                )
        np.minimum(seen, highs, out=seen)
        return seen


def _most(velocity: Velocity) -> float:
    return velocity.mean * (1.0 + _BEYOND_SD * velocity.spread * max(1.0, velocity.spread))
