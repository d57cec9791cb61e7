"""Compare robustness: what policies earn when the agents' share is known to an interval alone."""

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.market.robustness import Robustness, measure_robustness
from phantom_core.market.scenario import Scenario


@requires(Permission.READ)
def compare_robustness(
    settings: Settings, scenario: Scenario, low: float, high: float
) -> Robustness:
    """Exact rewards at the nominal share and in the worst case; nothing is saved.

    Raises:
        InputError: no such interval, or a scenario that the optimum refuses.
    """
    return measure_robustness(scenario, low, high, settings.seed)
