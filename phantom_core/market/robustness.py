"""Robustness: what policies earn at the nominal share of agents and in the worst case, exactly."""

from dataclasses import asdict, dataclass

from phantom_core.market.best_price import best_fixed_ratio
from phantom_core.market.optimum import solve_optimum
from phantom_core.market.robust import (
    MixedPrices,
    ShareInterval,
    fixed_prices,
    nominal_value,
    pure_prices,
    solve_maximin,
    solve_minimax_regret,
    worst_case,
)
from phantom_core.market.scenario import Scenario


@dataclass(frozen=True, slots=True)
class PolicyRobustness:
    """Expected reward of an episode by one policy, currency.

    Attributes:
        policy: its title.
        nominal: at the scenario's own shares.
        worst_case: where the share of each hour is the worst of its interval.
        price_of_robustness: nominal reward given up against the optimum, as a share of it.
    """

    policy: str
    nominal: float
    worst_case: float
    price_of_robustness: float


@dataclass(frozen=True, slots=True)
class Robustness:
    """Policies where the agents' share of each hour lies in an interval.

    Attributes:
        scenario: its name.
        lowest_share, highest_share: of agents, in every hour.
        policies: maximin first.
    """

    scenario: str
    lowest_share: float
    highest_share: float
    policies: tuple[PolicyRobustness, ...]

    def to_json(self) -> dict[str, object]:
        """The report as plain values."""
        return asdict(self)


def measure_robustness(scenario: Scenario, low: float, high: float, seed: int) -> Robustness:
    """Compare maximin and minimax regret with the optimum and fixed prices.

    Args:
        scenario: of one product.
        low: least share of agents, in every hour.
        high: largest share of agents.
        seed: of the search for the best fixed price, where that is simulated.
    Raises:
        InputError: no such interval, or a scenario that the optimum refuses.
    """
    shares, solution = ShareInterval.of(scenario, low, high), solve_optimum(scenario)
    best = best_fixed_ratio(scenario, seed)
    policies: dict[str, MixedPrices] = {
        "Maximin": solve_maximin(scenario, shares).prices,
        "Minimax regret": solve_minimax_regret(scenario, shares),
        "Optimum at the nominal share": pure_prices(solution),
        f"Best fixed price ×{best:.2f}": fixed_prices(scenario, best),
        "Base price": fixed_prices(scenario, 1.0),
    }
    rows = []
    for name, prices in policies.items():
        nominal = nominal_value(scenario, prices)
        given_up = 1.0 - nominal / solution.reward
        rows.append(PolicyRobustness(name, nominal, worst_case(scenario, shares, prices), given_up))
    return Robustness(scenario.name, low, high, tuple(rows))
