"""Policy: sets the price of the next hour."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from phantom_core.market.shops import State


class Policy(Protocol):
    """Sets prices for many shops at once; stateless, so one policy may serve any number of runs."""

    @property
    def name(self) -> str:
        """Label in results; unique within a comparison."""

    def ratios(self, state: State) -> NDArray[np.float64]:
        """Prices for the next hour, in units of the base price.

        Args:
            state: what n_shops shops know.
        Returns:
            Shape (n_shops,), one price for all products, or (n_shops, n_products). The market
            clips them to its guard rails.
        """
