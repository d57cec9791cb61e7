"""The optimum as a policy: a look-up in the table of the backward induction."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom_core.market.optimum import Solution, solve_optimum
from phantom_core.market.policies.kind import POLICIES, PolicyKind
from phantom_core.market.shops import State


@dataclass(frozen=True, slots=True)
class Optimal:
    """Looks up the price by hour and stock.

    Attributes:
        solution: of the scenario that is simulated.
        name: label in results.
    """

    solution: Solution
    name: str = "optimum"

    def ratios(self, state: State) -> NDArray[np.float64]:
        """The price in the table for each shop's hour and stock."""
        hour = np.minimum(state.elapsed_h, len(self.solution.ratio) - 1)
        return np.asarray(self.solution.ratio[hour, state.stock[:, 0]])


POLICIES.register(
    PolicyKind(
        name="optimum",
        title="Optimum",
        description="The exact best price for every hour and stock; one product only.",
        order=60,
        make=lambda request: Optimal(solve_optimum(request.scenario)),
        has_one_product=True,
        colour="model",
    )
)
