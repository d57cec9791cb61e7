"""Robust prices: games against a linear program, worst cases, and what robustness costs."""

import numpy as np
import pytest
from scipy.optimize import linprog

from phantom_core.core.errors import InputError
from phantom_core.market.optimum import HourKind, solve_optimum
from phantom_core.market.policies.choose import policies_named
from phantom_core.market.policies.robust import Robust
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
from phantom_core.market.robustness import measure_robustness
from phantom_core.market.scenario import Scenario, ScenarioProduct, load_scenario
from phantom_core.market.trial import run_trial
from phantom_core.market.two_state_game import solve_games

SMALL = Scenario(horizon_h=4, first_hour=9, products=(ScenarioProduct(stock=5),))
GRID = np.linspace(0.7, 1.5, 17)


def value_by_program(low: np.ndarray, high: np.ndarray) -> float:
    """The most v where a mixture of prices earns at least v in either state."""
    n = low.size
    found = linprog(
        np.append(np.zeros(n), -1.0),
        A_ub=np.column_stack([-np.stack([low, high]), np.ones(2)]),
        b_ub=np.zeros(2),
        A_eq=np.append(np.ones(n), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * n + [(None, None)],
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    assert found.success
    return float(-found.fun)


def random_prices(scenario: Scenario, seed: int) -> MixedPrices:
    rng = np.random.default_rng(seed)
    shape = (scenario.horizon_h, scenario.products[0].stock + 1)
    return MixedPrices(rng.choice(GRID, shape), rng.choice(GRID, shape), rng.random(shape))


def test_games_equal_a_linear_program() -> None:
    rng = np.random.default_rng(0)
    low, high = rng.normal(size=(2, 12, 40))
    found = solve_games(low, high)
    expected = [value_by_program(low[:, game], high[:, game]) for game in range(40)]
    np.testing.assert_allclose(found.value, expected, atol=1e-9)
    assert (found.first != found.second).any()
    assert ((found.weight >= 0) & (found.weight <= 1)).all()


@pytest.mark.parametrize("weight", [0.0, 0.5, 2.0])
def test_maximin_equals_a_linear_program_at_every_hour_and_stock(weight: float) -> None:
    scenario = SMALL.with_(leakage_weight=weight)
    later = np.zeros(6)
    for hour in reversed(range(4)):
        ends = [
            HourKind(scenario, GRID, scenario.rates()[hour], share, 5).worth(later)
            for share in (0.2, 0.8)
        ]
        later = np.array([0.0, *(value_by_program(ends[0][:, n], ends[1][:, n]) for n in range(5))])
    found = solve_maximin(scenario, ShareInterval.of(scenario, 0.2, 0.8), GRID)
    assert found.value == pytest.approx(later[-1], abs=1e-9)


@pytest.mark.parametrize("weight", [0.0, 0.5, 2.0])
def test_no_policy_has_a_better_worst_case_than_maximin(weight: float) -> None:
    scenario = SMALL.with_(leakage_weight=weight)
    shares = ShareInterval.of(scenario, 0.2, 0.9)
    robust = solve_maximin(scenario, shares, GRID)
    worst = worst_case(scenario, shares, robust.prices)
    assert worst == pytest.approx(robust.value, abs=1e-9)  # shares between the ends are no worse
    others = [
        *(random_prices(scenario, seed) for seed in range(10)),
        *(fixed_prices(scenario, float(ratio)) for ratio in GRID),
        solve_minimax_regret(scenario, shares, GRID),
    ]
    assert all(worst_case(scenario, shares, one) <= worst + 1e-9 for one in others)


def test_a_share_that_is_known_gives_the_optimum_and_costs_nothing() -> None:
    scenario = load_scenario("tight")
    own = ShareInterval.of(scenario, scenario.agent_share, scenario.agent_share)
    optimum = solve_optimum(scenario)
    assert solve_maximin(scenario, own).value == pytest.approx(optimum.reward, abs=1e-9)
    regret = nominal_value(scenario, solve_minimax_regret(scenario, own))
    assert regret == pytest.approx(optimum.reward, abs=1e-9)
    assert nominal_value(scenario, pure_prices(optimum)) == pytest.approx(optimum.reward, abs=1e-9)


def test_the_interval_may_differ_by_hour() -> None:
    low, high = np.array([0.1, 0.1, 0.5, 0.5]), np.array([0.2, 0.9, 0.6, 0.5])
    narrow = solve_maximin(SMALL, ShareInterval(low, high), GRID)
    wide = solve_maximin(SMALL, ShareInterval.of(SMALL, 0.1, 0.9), GRID)
    assert narrow.value > wide.value


def test_the_smallest_largest_regret_is_smallest() -> None:
    """With stock for every shopper an hour's largest regret is below that of every single price."""
    scenario = SMALL.with_(products=[{"stock": 200}], horizon_h=1)
    found = solve_minimax_regret(scenario, ShareInterval.of(scenario, 0.0, 1.0), GRID)
    ends = [
        HourKind(scenario, GRID, scenario.rates()[0], share, 200).worth(np.zeros(201))[:, -1]
        for share in (0.0, 1.0)
    ]
    regrets = np.stack([end.max() - end for end in ends])
    at = [np.argmin(np.abs(GRID - one[0, -1])) for one in (found.first, found.second)]
    weight = found.weight[0, -1]
    own = (weight * regrets[:, at[0]] + (1 - weight) * regrets[:, at[1]]).max()
    assert own <= regrets.max(axis=0).min() + 1e-9
    assert own == pytest.approx(-value_by_program(-regrets[0], -regrets[1]), abs=1e-9)


def test_robustness_is_reported_with_its_price() -> None:
    found = measure_robustness(load_scenario("tight"), 0.5, 0.9, seed=1)
    maximin, regret, optimum, *rest = found.policies
    assert maximin.worst_case >= max(one.worst_case for one in found.policies) - 1e-9
    assert 0 < maximin.price_of_robustness < 0.005
    assert optimum.price_of_robustness == pytest.approx(0, abs=1e-12)
    assert regret.nominal > maximin.nominal
    assert all(one.price_of_robustness > 0.02 for one in rest)


def test_the_simulator_plays_them_by_name() -> None:
    scenario = load_scenario("tight")
    chosen = policies_named("robust:0.5-0.9,regret:0.5-0.9", scenario, seed=1, runs=None)
    trial = run_trial(scenario, chosen, n_episodes=40, seed=3)
    exact = measure_robustness(scenario, 0.5, 0.9, seed=1).policies
    for result, known in zip(trial.results, exact, strict=False):
        share = result.pct_of_optimum
        assert share.low - 0.5 <= 100 * (1 - known.price_of_robustness) <= share.high + 0.5
    with pytest.raises(InputError, match="not an interval of shares"):
        policies_named("robust:half", scenario, seed=1, runs=None)
    with pytest.raises(InputError, match="Agents cannot be"):
        policies_named("robust:0.9-0.5", scenario, seed=1, runs=None)


def test_shops_share_two_mixed_prices_in_proportion() -> None:
    table = np.ones((1, 2))
    policy = Robust(MixedPrices(0.9 * table, 1.2 * table, 0.25 * table), "robust:0-1")
    state = type("S", (), {"elapsed_h": np.zeros(400, int), "stock": np.ones((400, 1), int)})
    assert (policy.ratios(state) == 0.9).mean() == pytest.approx(0.25, abs=0.01)
