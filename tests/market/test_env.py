"""Environments: what Gymnasium and stable-baselines3 ask of them, and what the data sheet
promises.
"""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.market.env import DynamicPricingEnvV0, DynamicPricingEnvV1
from phantom_core.market.observation import Observation
from phantom_core.market.policies.fixed import Fixed
from phantom_core.market.scenario import Scenario, ScenarioProduct
from phantom_core.market.shops import Shops
from phantom_core.market.traffic import SampledScorer

CHEAP = np.array([0.7], np.float32)
NOBODY = Scenario(horizon_h=3, arrivals=(0.0,) * 12 + (1.0,) + (0.0,) * 11)


def made(version: str, **options: object) -> gym.Env:
    # By its specification: by name, Gymnasium warns that v0 has a successor. v0 is no older v1, it
    # sees less.
    return gym.make(gym.spec(f"DynamicPricingEnv-{version}"), **options).unwrapped


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_both_checkers_only_mind_that_the_price_is_a_plain_multiplier(version: str) -> None:
    with pytest.warns(UserWarning) as found:
        check_env(made(version))
        check_env_for_sb3(made(version))
    # The action is the price in units of the base price by definition; learners here rescale inside
    # their network.
    assert len(found) == 2
    assert all("symmetric and normalized" in str(one.message) for one in found)


def test_spaces_are_those_of_the_data_sheet() -> None:
    five, eight = made("v0"), made("v1")
    assert five.observation_space.shape == (5,)
    assert eight.observation_space.shape == (8,)
    assert isinstance(five.action_space, Box)
    assert isinstance(eight.observation_space, Box)
    assert (five.action_space.low.tolist(), five.action_space.high.tolist()) == (
        [np.float32(0.7)],
        [np.float32(1.5)],
    )
    assert np.isfinite(eight.observation_space.high).all()


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_the_same_seed_gives_the_same_episode_and_another_seed_another(version: str) -> None:
    def episode(seed: int) -> list[object]:
        env = made(version)
        seen, _ = env.reset(seed=seed)
        told: list[object] = [seen.tolist()]
        while True:
            seen, reward, terminated, truncated, info = env.step(np.array([1.1], np.float32))
            told.append((seen.tolist(), reward, info))
            if terminated or truncated:
                return told

    assert episode(3) == episode(3)
    assert episode(3) != episode(4)


def test_a_second_episode_goes_on_with_other_shoppers() -> None:
    env = made("v0")
    first = [env.reset(seed=3)[0].tolist(), *(env.step(CHEAP)[0].tolist() for _ in range(3))]
    second = [env.reset()[0].tolist(), *(env.step(CHEAP)[0].tolist() for _ in range(3))]
    assert first != second


def test_a_sold_out_shop_terminates() -> None:
    env = DynamicPricingEnvV0(
        Scenario(products=(ScenarioProduct(stock=1),), arrivals=(500.0,) * 24)
    )
    env.reset(seed=1)
    seen, reward, terminated, truncated, info = env.step(CHEAP)
    assert (terminated, truncated, seen[1]) == (True, False, 0.0)
    assert info["units_human"] + info["units_agent"] == 1
    assert info["revenue"] == pytest.approx(0.7)
    assert reward == pytest.approx(info["revenue"] - 0.5 * info["leakage"])


def test_the_horizon_truncates() -> None:
    env = DynamicPricingEnvV0(NOBODY)
    env.reset(seed=1)
    ends = [env.step(CHEAP)[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]


def test_a_shop_that_sells_out_in_the_last_hour_is_terminated_only() -> None:
    env = DynamicPricingEnvV0(
        Scenario(horizon_h=1, products=(ScenarioProduct(stock=1),), arrivals=(500.0,) * 24)
    )
    env.reset(seed=1)
    assert env.step(CHEAP)[2:4] == (True, False)


def test_what_is_seen_lies_in_order_and_time_runs_out() -> None:
    env = DynamicPricingEnvV1(NOBODY.with_(first_hour=5))
    seen, info = env.reset(seed=1)
    assert info == {}
    assert (seen[0], seen[1], seen[2], seen[5]) == (0.0, 50.0, 5.0, 1.0)
    assert env.step(CHEAP)[0][[2, 5]].tolist() == pytest.approx([6.0, 2.0 / 3.0])


def test_info_holds_plain_floats_after_the_guard_rails() -> None:
    env = DynamicPricingEnvV0("tight")
    env.reset(seed=1)
    info = env.step(np.array([9.0], np.float32))[4]
    assert info["ratio"] == 1.5
    assert {type(value) for value in info.values()} == {float}


def test_any_scorer_speaks_through_v1() -> None:
    sure = SampledScorer(
        human_scores=np.array([0.25]),
        agent_scores=np.array([0.25]),
        human_sensitivity=2.0,
        agent_sensitivity=2.0,
    )
    env = DynamicPricingEnvV1(Scenario(arrivals=(500.0,) * 24), scorer=sure)
    env.reset(seed=1)
    assert env.step(np.array([1.0], np.float32))[0][6:].tolist() == [0.25, 0.5]


def test_model_features_without_a_scorer_are_rejected() -> None:
    observation = Observation(NOBODY, "v1")
    with pytest.raises(InputError, match="scorer"):
        observation.of(Shops(NOBODY, 2, 1).state, observation.highs())


def test_nothing_ever_leaves_the_observation_space() -> None:
    scenario = Scenario(
        horizon_h=48,
        arrivals=(0.2,) * 12 + (200.0,) * 12,
        products=(ScenarioProduct(stock=100_000),),
    )
    observation, shops = Observation(scenario, "v0"), Shops(scenario, 200, 5)
    for _ in range(48):
        state = shops.state
        seen = observation.of(state, observation.highs())
        assert seen.min() >= 0
        # Demand and velocity have no natural limit: a value at its high was cut.
        assert (seen < observation.highs())[:, [0, 4]].all()
        shops.step(Fixed(1.0).ratios(state))


def test_scenarios_come_by_name_and_an_unknown_one_is_rejected() -> None:
    space = made("v0", scenario="slack").observation_space
    assert isinstance(space, Box)
    assert space.high[1] == 1_000
    with pytest.raises(NotFoundError, match="There is no scenario 'nowhere'"):
        made("v0", scenario="nowhere")


def test_a_step_before_the_first_reset_is_rejected() -> None:
    with pytest.raises(gym.error.ResetNeeded):
        DynamicPricingEnvV0().step(CHEAP)
