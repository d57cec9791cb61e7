"""Surge pricing: a higher price when demand is high."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom_core.market.policies.kind import POLICIES, PolicyKind
from phantom_core.market.shops import State


@dataclass(frozen=True, slots=True)
class Surge:
    """One price after a busy hour, another after a quiet one.

    Attributes:
        busy_above: arrivals in the last hour that count as busy when exceeded.
        busy_ratio: price after a busy hour, in units of the base price.
        quiet_ratio: price after any other hour.
        name: label in results.
    """

    busy_above: int = 10
    busy_ratio: float = 1.2
    quiet_ratio: float = 0.9
    name: str = "surge"

    def ratios(self, state: State) -> NDArray[np.float64]:
        """A price by the arrivals of the previous hour."""
        return np.where(state.demand > self.busy_above, self.busy_ratio, self.quiet_ratio)


POLICIES.register(
    PolicyKind(
        name="surge",
        title="Surge",
        description="1.2 times the base price after an hour with more than 10 visitors, else 0.9.",
        order=30,
        make=lambda _: Surge(),
        colour="#c2574b",
    )
)
