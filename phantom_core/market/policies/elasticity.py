"""Elasticity pricing: the price at which one percent more loses one percent of the sales."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.market.demand import sales_per_arrival
from phantom_core.market.optimum import market_price_grid
from phantom_core.market.policies.kind import POLICIES, PolicyKind
from phantom_core.market.scenario import Scenario
from phantom_core.market.shops import State

_SHARES: Final = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, slots=True)
class Elasticity:
    """The price with the highest revenue from the mix of visitors just observed, as if stock were
    unlimited.

    Expected revenue per visitor, r · P(buy | r), is highest where the elasticity of demand is −1.
    That price depends on the mix: agents are more price sensitive.

    Attributes:
        table: best price by the share of visitors flagged as agents in steps of a percent, in
            units of the base price, shape (101,).
        name: label in results.
    """

    table: NDArray[np.float64]
    name: str = "elasticity"

    def ratios(self, state: State) -> NDArray[np.float64]:
        """The best price for the share of visitors that was flagged."""
        return np.interp(state.agent_fraction, _SHARES, self.table)


def elasticity_policy(scenario: Scenario) -> Elasticity:
    """The policy for a scenario's price sensitivities and guard rails."""
    grid, shares = market_price_grid(scenario), share_of_flagged(scenario, _SHARES)
    return Elasticity(
        grid[np.argmax(sales_per_arrival(scenario, grid[:, None], shares).revenue, axis=0)]
    )


def share_of_flagged(scenario: Scenario, flagged: NDArray[np.float64]) -> NDArray[np.float64]:
    """Agent share that a share of flagged visitors speaks for.

    Flagged are agents with the detector's recall, and humans with its rate of false alarms. Where
    the two are alike, flags say nothing, and the scenario's share stands.

    Args:
        scenario: gives the detector.
        flagged: shares, any shape.

    >>> scenario = Scenario(detector={"recall": 0.8, "false_alarms": 0.2})
    >>> share_of_flagged(scenario, np.array([0.1, 0.5, 0.8])).round(2).tolist()
    [0.0, 0.5, 1.0]
    """
    recall, false_alarms = scenario.detector.recall, scenario.detector.false_alarms
    if recall <= false_alarms:
        return np.full_like(flagged, scenario.agent_share)
    return np.asarray(np.clip((flagged - false_alarms) / (recall - false_alarms), 0.0, 1.0))


POLICIES.register(
    PolicyKind(
        name="elasticity",
        title="Elasticity",
        description="The price with the highest revenue from the mix of visitors just observed, "
        "as if stock were unlimited.",
        order=40,
        make=lambda request: elasticity_policy(request.scenario),
        colour="#b8902f",
    )
)
