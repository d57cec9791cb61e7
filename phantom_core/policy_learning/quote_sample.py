"""Quote sample: what rules knew at each quote, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.rules.evaluate import Column

Source = Literal["log", "calibrated market", "invented market"]


@dataclass(frozen=True, slots=True, eq=False)
class QuoteSample:
    """Quotes with a base price, arrays of shape (n_quotes,).

    Attributes:
        columns: what a rule may read just before each quote, by feature; P(agent) is that of a
            model which did not learn from the actor.
        p_agent: class of the shopper: 1 agent, 0 human where it is labelled, else P(agent).
        base_price: currency.
        in_cart: whether this is the last price of a product that went to the cart.
        bought: whether it was then bought.
        ratio: price over base price that was shown.
        propensity: probability with which an experiment drew it; NaN where none did.
        actor: number of the actor.
        source: whether shoppers are recorded or simulated.
    """

    columns: Mapping[str, Column]
    p_agent: Floats
    base_price: Floats
    in_cart: NDArray[np.bool_]
    bought: NDArray[np.bool_]
    ratio: Floats
    propensity: Floats
    actor: Ints
    source: Source

    def __len__(self) -> int:
        return len(self.base_price)

    def __getitem__(self, rows: NDArray[np.bool_]) -> "QuoteSample":
        columns: dict[str, Column] = {name: one[rows] for name, one in self.columns.items()}
        return QuoteSample(
            columns,
            self.p_agent[rows],
            self.base_price[rows],
            self.in_cart[rows],
            self.bought[rows],
            self.ratio[rows],
            self.propensity[rows],
            self.actor[rows],
            self.source,
        )

    @property
    def is_randomised(self) -> bool:
        """Whether an experiment drew the price of every product in the cart."""
        return bool(not np.isnan(self.propensity[self.in_cart]).any() and self.in_cart.any())
