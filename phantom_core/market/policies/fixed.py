"""Fixed prices."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.errors import InputError
from phantom_core.market.policies.kind import POLICIES, PolicyKind, PolicyRequest
from phantom_core.market.shops import State


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same price in every hour.

    Attributes:
        ratio: price in units of the base price.
        name: label in results.
    """

    ratio: float
    name: str = "fixed"

    def ratios(self, state: State) -> NDArray[np.float64]:
        """The same ratio for all shops."""
        return np.full(state.demand.size, self.ratio)


def _make(request: PolicyRequest) -> Fixed:
    if not request.detail:
        return Fixed(1.0)
    try:
        ratio = float(request.detail)
    except ValueError:
        ratio = float("nan")
    if not 0 < ratio < float("inf"):
        raise InputError(
            f"'{request.detail}' in policy {request.name} is not a price.",
            hint="Write fixed:1.2 for 1.2 times the base price.",
        )
    return Fixed(ratio, request.name)


POLICIES.register(
    PolicyKind(
        name="fixed",
        title="Base price",
        description="Always the base price; fixed:1.2 is always 1.2 times the base price.",
        order=10,
        make=_make,
        detail="optional",
        colour="baseline",
        dash="dot",
    )
)
