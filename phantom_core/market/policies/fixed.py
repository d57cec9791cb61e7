"""Fixed prices, and the best of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom_core.market.shops import State


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same price in every hour.

    Attributes:
        ratio: price in units of the base price.
        name: how results call it.
    """

    ratio: float
    name: str = "fixed"

    def ratios(self, state: State) -> NDArray[np.float64]:
        """One number for all shops."""
        return np.full(state.demand.size, self.ratio)
