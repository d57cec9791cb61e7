"""The optimum: closed forms, known figures, and no policy above it."""

import numpy as np
import pytest

from phantom_core.core.errors import InputError
from phantom_core.core.progress import no_progress
from phantom_core.market.demand import sales_per_arrival
from phantom_core.market.episodes import play_episodes
from phantom_core.market.fluid import fluid_bound
from phantom_core.market.optimum import market_price_grid, solve_optimum, value_of_fixed
from phantom_core.market.policies.bands import Bands
from phantom_core.market.policies.best_fixed import best_fixed
from phantom_core.market.policies.elasticity import elasticity_policy, share_of_flagged
from phantom_core.market.policies.fixed import Fixed
from phantom_core.market.policies.optimal import Optimal
from phantom_core.market.policies.surge import Surge
from phantom_core.market.scenario import DemandSurge as ArrivalSurge
from phantom_core.market.scenario import (
    Scenario,
    ScenarioProduct,
    ShareChange,
    load_scenario,
    shipped_names,
)
from phantom_core.market.traffic import DetectorScorer

ONE_PRODUCT = [name for name in shipped_names() if len(load_scenario(name).products) == 1]


def market(stock: int, horizon_h: int, share: float) -> Scenario:
    return Scenario(
        products=(ScenarioProduct(stock=stock),), horizon_h=horizon_h, agent_share=share
    )


@pytest.mark.parametrize(
    ("scenario", "optimum", "fixed", "ratio", "at_ratio"),
    [
        (market(50, 24, 0.7), 54.2, 0.858, 1.1, 0.961),
        (market(50, 24, 0.3), 58.3, 0.831, 1.2, 0.975),
        (market(1000, 168, 0.7), 452.9, 0.970, 0.9, 1.000),
        (market(50, 1000, 0.7), 75.0, 0.620, 1.5, 1.000),
        (market(50, 1000, 0.3), 75.0, 0.647, 1.5, 1.000),
    ],
)
def test_the_published_figures_of_the_seed_market_come_out(
    scenario: Scenario, optimum: float, fixed: float, ratio: float, at_ratio: float
) -> None:
    best = solve_optimum(scenario).reward
    values = value_of_fixed(scenario, np.array([1.0, ratio])) / best
    assert best == pytest.approx(optimum, abs=0.05)
    assert values[0] == pytest.approx(fixed, abs=5e-4)
    assert values[1] == pytest.approx(at_ratio, abs=5e-4)


def test_one_unit_and_one_hour_is_a_closed_form() -> None:
    """A shopper buys with probability 1 − exp(−rate · P(buy)), and pays r less half the leakage of
    an agent's share of buyers.
    """
    scenario = Scenario(
        products=(ScenarioProduct(stock=1, base_price=10.0),),
        horizon_h=1,
        arrivals=(2.0,) * 24,
        agent_share=0.5,
    )
    grid = market_price_grid(scenario)
    sales = sales_per_arrival(scenario, grid, 0.5)
    worth = (sales.revenue - 0.5 * sales.leakage) / sales.probability
    by_hand = (1 - np.exp(-2.0 * sales.probability)) * worth * 10.0
    solution = solve_optimum(scenario)
    assert solution.reward == pytest.approx(by_hand.max(), rel=1e-12)
    assert solution.ratio[0, 1] == grid[by_hand.argmax()]


def test_without_limits_of_stock_each_hour_takes_the_price_that_earns_most() -> None:
    scenario = market(10_000, 5, 0.4)
    grid = market_price_grid(scenario)
    sales = sales_per_arrival(scenario, grid, 0.4)
    best = (sales.revenue - 0.5 * sales.leakage).max()
    assert solve_optimum(scenario).reward == pytest.approx(scenario.rates().sum() * best, rel=1e-9)


def test_more_stock_and_more_time_are_never_worth_less_and_scarce_stock_is_dearer() -> None:
    solution = solve_optimum(market(40, 24, 0.7))
    assert (np.diff(solution.value, axis=1) >= -1e-12).all()
    assert (np.diff(solution.value, axis=0) <= 1e-12).all()
    assert (np.diff(solution.ratio[:, 1:], axis=1) <= 1e-9).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "scenario",
    [
        load_scenario("tight"),
        Scenario(
            products=(ScenarioProduct(stock=20),),
            horizon_h=24,
            agent_share=0.3,
            share_changes=(ShareChange(from_hour=12, share=0.9),),
        ),
        Scenario(
            products=(ScenarioProduct(stock=40),),
            horizon_h=24,
            surges=(ArrivalSurge(from_hour=8, to_hour=12, factor=4.0),),
        ),
    ],
    ids=["tight", "share jumps", "arrivals surge"],
)
def test_the_table_reaches_its_own_value_and_no_policy_exceeds_it(scenario: Scenario) -> None:
    solution, n = solve_optimum(scenario), 20_000
    rewards = {}
    for policy in (
        Optimal(solution),
        Fixed(1.0),
        best_fixed(scenario, 0),
        Surge(),
        elasticity_policy(scenario),
        Bands(),
    ):
        rewards[policy.name] = play_episodes(
            scenario, policy, n, 17, DetectorScorer(scenario), no_progress
        ).reward(scenario.leakage_weight)
    error = rewards["optimum"].std() / np.sqrt(n)
    assert rewards["optimum"].mean() == pytest.approx(solution.reward, abs=4 * error)
    for name, reward in rewards.items():
        paired = reward - rewards["optimum"]
        assert paired.mean() <= 4 * paired.std() / np.sqrt(n), name


def test_a_fixed_price_earns_what_its_exact_value_says() -> None:
    scenario = load_scenario("tight")
    reward = play_episodes(
        scenario, Fixed(1.1), 20_000, 3, DetectorScorer(scenario), no_progress
    ).reward(scenario.leakage_weight)
    assert reward.mean() == pytest.approx(
        value_of_fixed(scenario, np.array([1.1]))[0], abs=4 * reward.std() / np.sqrt(20_000)
    )


@pytest.mark.parametrize("name", ONE_PRODUCT)
def test_the_fluid_bound_lies_above_the_optimum_but_not_far(name: str) -> None:
    scenario = load_scenario(name)
    optimum, bound = solve_optimum(scenario).reward, fluid_bound(scenario)
    assert optimum <= bound * (1 + 1e-6)
    assert bound < 1.06 * optimum


@pytest.mark.slow
@pytest.mark.parametrize("substitution", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n_products", [2, 3])
def test_no_policy_exceeds_the_bound_of_several_products(
    substitution: float, n_products: int
) -> None:
    products = tuple(
        ScenarioProduct(name=str(n), base_price=1.0 + n / 2, stock=15 * (n + 1))
        for n in range(n_products)
    )
    scenario = Scenario(products=products, substitution=substitution)
    bound = fluid_bound(scenario)
    for policy in (best_fixed(scenario, 1), Fixed(1.5), Bands()):
        reward = play_episodes(
            scenario, policy, 2_000, 5, DetectorScorer(scenario), no_progress
        ).reward(0.5)
        assert reward.mean() <= bound + 4 * reward.std() / np.sqrt(2_000)


def test_two_products_that_do_not_substitute_are_bounded_like_two_shops() -> None:
    alone = Scenario(
        products=(ScenarioProduct(stock=25),),
        arrivals=tuple(rate / 2 for rate in Scenario().arrivals),
    )
    both = Scenario(
        products=(ScenarioProduct(name="a", stock=25), ScenarioProduct(name="b", stock=25))
    )
    assert fluid_bound(both) == pytest.approx(2 * fluid_bound(alone), rel=1e-6)


def test_the_joint_program_agrees_with_the_separate_ones_without_substitution() -> None:
    products = (
        ScenarioProduct(name="a", stock=25),
        ScenarioProduct(name="b", stock=40, base_price=2.0),
    )
    apart = fluid_bound(Scenario(products=products))
    joint = fluid_bound(Scenario(products=products, substitution=1e-9))
    assert joint == pytest.approx(apart, rel=1e-3)


def test_the_optimum_of_several_products_is_rejected() -> None:
    with pytest.raises(InputError, match="one product only"):
        solve_optimum(load_scenario("substitutes"))


def test_the_elasticity_policy_takes_no_share_of_flags_for_the_share_of_agents() -> None:
    """At the expected share of flags it asks the price of the true mix."""
    scenario = Scenario(agent_share=0.7, detector={"recall": 0.8, "false_alarms": 0.1})
    flagged = 0.7 * 0.8 + 0.3 * 0.1
    np.testing.assert_allclose(share_of_flagged(scenario, np.array([flagged])), [0.7])
    grid = market_price_grid(scenario)
    best = grid[sales_per_arrival(scenario, grid, 0.7).revenue.argmax()]
    asked = np.interp(flagged, np.linspace(0, 1, 101), elasticity_policy(scenario).table)
    assert asked == pytest.approx(best, abs=0.006)
    blind = scenario.with_(detector={"recall": 0.3, "false_alarms": 0.3})
    assert np.ptp(elasticity_policy(blind).table) == 0
