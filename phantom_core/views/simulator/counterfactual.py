"""Counterfactual: a scenario with a few parameters changed."""

from dataclasses import dataclass, fields
from typing import Final, Self

from phantom_core.accounts.permissions import needs_no_permission
from phantom_core.market.scenario import Scenario

MOST_ARRIVALS: Final = 1_000.0
MOST_STOCK: Final = 100_000


@dataclass(frozen=True, slots=True)
class Knobs:
    """Parameters that a user may change.

    Attributes:
        share: of agents among the arrivals at the start.
        stock: units of all products together.
        human_s, agent_s: price sensitivities.
        arrivals: factor on every hour's arrivals.
        weight: what one unit of leakage costs.
    """

    share: float
    stock: int
    human_s: float
    agent_s: float
    arrivals: float
    weight: float

    @classmethod
    def of(cls, scenario: Scenario) -> Self:
        """The parameters of a scenario."""
        return cls(
            share=scenario.agent_share,
            stock=sum(product.stock for product in scenario.products),
            human_s=scenario.human_sensitivity,
            agent_s=scenario.agent_sensitivity,
            arrivals=1.0,
            weight=scenario.leakage_weight,
        )

    def changed_from(self, other: "Knobs") -> tuple[str, ...]:
        """Names of the parameters that differ."""
        return tuple(
            field.name
            for field in fields(self)
            if getattr(self, field.name) != getattr(other, field.name)
        )


@needs_no_permission
def changed_scenario(scenario: Scenario, knobs: Knobs) -> Scenario:
    """The scenario with its parameters changed; itself where none is.

    Raises:
        InputError: a value that is not valid in a scenario.
    """
    if not knobs.changed_from(Knobs.of(scenario)):
        return scenario
    name = scenario.name if scenario.name.endswith("-changed") else f"{scenario.name[:50]}-changed"
    return scenario.with_(
        name=name,
        title=f"{scenario.title or scenario.name}, changed",
        agent_share=knobs.share,
        products=tuple(_restocked(scenario, knobs.stock)),
        human_sensitivity=knobs.human_s,
        agent_sensitivity=knobs.agent_s,
        arrivals=tuple(min(MOST_ARRIVALS, rate * knobs.arrivals) for rate in scenario.arrivals),
        leakage_weight=knobs.weight,
    )


def _restocked(scenario: Scenario, stock: int) -> list[dict[str, object]]:
    """Products with another total stock in the same proportions; the first takes the rounding."""
    before = sum(product.stock for product in scenario.products)
    shares = [
        product.stock / before if before else 1 / len(scenario.products)
        for product in scenario.products
    ]
    units = [int(stock * share) for share in shares]
    units[0] += stock - sum(units)
    return [
        {**product.model_dump(), "stock": n}
        for product, n in zip(scenario.products, units, strict=True)
    ]
