"""Probability bands: the price rises with the share of visitors flagged as agents."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.market.policies.kind import POLICIES, PolicyKind
from phantom_core.market.shops import State

# Price above each share of agents: the bands of the first deployment.
BANDS: Final = ((0.7, 1.3), (0.4, 1.1))


@dataclass(frozen=True, slots=True)
class Bands:
    """A price by the share of the last hour's visitors that was flagged as agents.

    Attributes:
        bands: (share, price in units of the base price), highest share first.
        name: label in results.
    """

    bands: tuple[tuple[float, float], ...] = BANDS
    name: str = "bands"

    def ratios(self, state: State) -> NDArray[np.float64]:
        """The first band whose share is exceeded, else the base price."""
        conditions = [state.agent_fraction > share for share, _ in self.bands]
        return np.select(conditions, [ratio for _, ratio in self.bands], default=1.0)


POLICIES.register(
    PolicyKind(
        name="bands",
        title="Probability bands",
        description="1.3 when more than 70 % of the visitors were flagged as agents, 1.1 above 40 "
        "%, else the base price.",
        order=50,
        make=lambda _: Bands(),
        colour="agent",
    )
)
