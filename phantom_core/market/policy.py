"""Policy: who sets the price of the next hour."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from phantom_core.market.shops import State


class Policy(Protocol):
    """Sets prices for many shops at once; holds no memory of earlier hours, so one policy may serve
    any number of runs.
    """

    @property
    def name(self) -> str:
        """How results call it; unique within a comparison."""

    def ratios(self, state: State) -> NDArray[np.float64]:
        """Prices for the next hour, in units of the base price.

        Args:
            state: what n_shops shops know.
        Returns:
            Shape (n_shops,), one price for all products, or (n_shops, n_products). The market holds
            them within its guard rails.
        """
