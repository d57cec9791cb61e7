"""Shops: never oversold, the same shoppers whatever the prices, and the frequencies the model
promises.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_core.core.errors import InputError
from phantom_core.market.demand import purchase_probability
from phantom_core.market.scenario import Scenario, ScenarioProduct, Velocity
from phantom_core.market.shops import Shops
from phantom_core.market.traffic import AGENT, HUMAN, DetectorScorer, SampledScorer
from tests.examples import examples


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    products = tuple(
        ScenarioProduct(
            name=str(n),
            base_price=draw(st.floats(0.5, 200)),
            stock=draw(st.integers(0, 40)),
            weight=draw(st.floats(0.1, 5)),
        )
        for n in range(draw(st.integers(1, 4)))
    )
    return Scenario(
        horizon_h=12,
        products=products,
        agent_share=draw(st.floats(0, 1)),
        substitution=draw(st.floats(0, 1)),
    )


@given(scenarios(), st.integers(0, 2**31), st.lists(st.floats(0.1, 3.0), min_size=12, max_size=12))
@examples(60)
def test_stock_is_never_oversold_and_every_unit_is_accounted_for(
    scenario: Scenario, seed: int, ratios: list[float]
) -> None:
    shops = Shops(scenario, 30, seed)
    sold = np.zeros((30, len(scenario.products)), np.int64)
    for ratio in ratios:
        hour = shops.step(np.full(30, ratio))
        sold += hour.units.sum(axis=2)
        assert (hour.units >= 0).all()
        assert (hour.units.sum(axis=1) <= hour.arrivals).all()
        assert (
            (hour.ratio >= scenario.lowest_ratio) & (hour.ratio <= scenario.highest_ratio)
        ).all()
    stock = np.array([product.stock for product in scenario.products])
    assert (shops.state.stock == stock - sold).all()
    assert (shops.state.stock >= 0).all()


@given(scenarios(), st.integers(0, 2**31))
@examples(30)
def test_the_same_seed_brings_the_same_shoppers_whatever_the_prices(
    scenario: Scenario, seed: int
) -> None:
    cheap, dear = Shops(scenario, 20, seed), Shops(scenario, 20, seed, DetectorScorer(scenario))
    for _ in range(12):
        one, other = cheap.step(np.full(20, 0.7)), dear.step(np.full(20, 1.5))
        assert (one.arrivals == other.arrivals).all()
        assert (cheap.state.agent_fraction == dear.state.agent_fraction).all()
        assert (cheap.state.velocity == dear.state.velocity).all()


def test_a_shopper_who_pays_more_also_pays_less() -> None:
    scenario = Scenario(products=(ScenarioProduct(stock=10_000),))
    cheap, dear = Shops(scenario, 50, 3), Shops(scenario, 50, 3)
    for _ in range(24):
        assert (cheap.step(np.full(50, 0.9)).units >= dear.step(np.full(50, 1.1)).units).all()


@pytest.mark.parametrize("ratio", [0.7, 1.0, 1.3])
def test_each_class_buys_as_often_as_its_sensitivity_says(ratio: float) -> None:
    scenario = Scenario(products=(ScenarioProduct(stock=100_000),), agent_share=0.5)
    shops = Shops(scenario, 4_000, 5)
    hours = [shops.step(np.full(4_000, ratio)) for _ in range(24)]
    arrivals, units = (
        sum(getattr(hour, name).sum(axis=0) for hour in hours) for name in ("arrivals", "units")
    )
    for kind, sensitivity in ((HUMAN, 2.0), (AGENT, 5.0)):
        expected, n = float(purchase_probability(ratio, sensitivity)), arrivals[kind]
        assert abs(units[0, kind] / n - expected) < 4 * np.sqrt(expected * (1 - expected) / n)
    assert arrivals.sum() == pytest.approx(4_000 * 135, abs=4 * np.sqrt(4_000 * 135))


def test_the_last_units_go_in_order_of_arrival_whatever_their_class() -> None:
    scenario = Scenario(
        products=(ScenarioProduct(stock=3),),
        arrivals=(40.0,) * 24,
        agent_share=0.25,
        human_sensitivity=2.0,
        agent_sensitivity=2.0,
    )
    units = Shops(scenario, 20_000, 1).step(np.ones(20_000)).units[:, 0]
    assert (units.sum(axis=1) == 3).all()
    assert units[:, AGENT].sum() / units.sum() == pytest.approx(0.25, abs=0.01)


def test_revenue_leakage_and_reward_add_up_by_hand() -> None:
    scenario = Scenario(products=(ScenarioProduct(stock=10**5, base_price=100.0),), agent_share=1.0)
    hour = Shops(scenario, 1, 2).step(np.array([0.9]))
    n = hour.units[0, 0, AGENT]
    assert hour.revenue[0] == pytest.approx(90.0 * n)
    assert hour.leakage[0] == pytest.approx(30.0 * n)
    assert hour.reward[0] == pytest.approx(75.0 * n)


def test_observations_of_visitors_have_the_stated_quality() -> None:
    scenario = Scenario(
        products=(ScenarioProduct(stock=0),),
        agent_share=0.7,
        human_velocity=Velocity(mean=4, spread=0.5),
        agent_velocity=Velocity(mean=10, spread=1),
    )
    shops = Shops(scenario, 5_000, 9)
    flagged = pace = visitors = 0.0
    for _ in range(24):
        n = shops.step(np.ones(5_000)).arrivals.sum(axis=1)
        assert (shops.state.demand == n).all()
        flagged += (shops.state.agent_fraction * n).sum()
        pace += (shops.state.velocity * n).sum()
        visitors += n.sum()
    assert flagged / visitors == pytest.approx(0.7 * 0.80 + 0.3 * 0.08, abs=0.003)
    assert pace / visitors == pytest.approx(0.7 * 10 + 0.3 * 4, rel=0.01)


def test_after_an_hour_without_visitors_the_last_observation_stays() -> None:
    scenario = Scenario(arrivals=(0.0, 50.0, *(0.0,) * 22), first_hour=1)
    shops = Shops(scenario, 3, 0)
    shops.step(np.ones(3))
    seen = shops.state.agent_fraction.copy()
    shops.step(np.ones(3))
    assert (shops.state.demand == 0).all()
    assert (shops.state.agent_fraction == seen).all()


def test_a_flag_means_what_bayes_says_it_means() -> None:
    scenario = Scenario(agent_share=0.5)
    shops = Shops(scenario, 2_000, 4, DetectorScorer(scenario))
    shops.step(np.ones(2_000))
    assert shops.state.p_agent.mean() == pytest.approx(0.5, abs=0.01)
    assert np.allclose(shops.state.p_purchase, 0.5)


def test_a_models_own_scores_are_drawn_by_class() -> None:
    scenario = Scenario(agent_share=1.0)
    shops = Shops(scenario, 500, 4, SampledScorer(np.array([0.1]), np.array([0.6, 1.0]), 2.0, 5.0))
    shops.step(np.full(500, 1.2))
    assert shops.state.p_agent.mean() == pytest.approx(0.8, abs=0.02)
    human, agent = purchase_probability(1.2, 2.0), purchase_probability(1.2, 5.0)
    assert shops.state.p_purchase.mean() == pytest.approx(
        human + shops.state.p_agent.mean() * (agent - human), abs=0.01
    )


def test_shops_that_reopen_leave_the_others_alone() -> None:
    shops = Shops(Scenario(), 3, 0)
    for _ in range(5):
        shops.step(np.ones(3))
    stock = shops.state.stock.copy()
    shops.reset(np.array([1]))
    assert shops.state.stock[:, 0].tolist() == [stock[0, 0], 50, stock[2, 0]]
    assert shops.state.elapsed_h.tolist() == [5, 0, 5]


def test_who_did_not_get_their_product_looks_at_the_other_one() -> None:
    empty = (ScenarioProduct(name="gone", stock=0), ScenarioProduct(name="left", stock=10**5))
    alone = Shops(Scenario(products=empty), 200, 1).step(np.ones(200)).units[:, 1].sum()
    looked = (
        Shops(Scenario(products=empty, substitution=1.0), 200, 1)
        .step(np.ones(200))
        .units[:, 1]
        .sum()
    )
    assert looked / alone == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("ratio", [np.ones(4), np.ones((3, 2)), np.array([1.0, np.nan, 1.0])])
def test_prices_that_cannot_be_asked_are_rejected(ratio: np.ndarray) -> None:
    with pytest.raises(InputError):
        Shops(Scenario(), 3, 0).step(ratio)


def test_no_shop_is_no_market() -> None:
    with pytest.raises(InputError, match="0 shops"):
        Shops(Scenario(), 0, 0)
