"""The best fixed price: the baseline that an adaptive policy has to beat."""

from phantom_core.market.best_price import best_fixed_ratio
from phantom_core.market.policies.fixed import Fixed
from phantom_core.market.policies.kind import POLICIES, PolicyKind
from phantom_core.market.scenario import Scenario


def best_fixed(scenario: Scenario, seed: int) -> Fixed:
    """The fixed price with the highest expected reward, as a policy; see `best_fixed_ratio`."""
    return Fixed(best_fixed_ratio(scenario, seed), "best_fixed")


POLICIES.register(
    PolicyKind(
        name="best_fixed",
        title="Best fixed price",
        description="The one price with the highest reward if it never changes; exact with one "
        "product, else simulated.",
        order=20,
        make=lambda request: best_fixed(request.scenario, request.seed),
        colour="#5f8fb8",
        dash="dash",
    )
)
