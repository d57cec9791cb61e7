"""The batched environment: the same episodes as the single one, and what SB3 expects of a
VecEnv.
"""

from typing import Any

import numpy as np
import pytest
from stable_baselines3 import PPO

from phantom_core.core.errors import InputError
from phantom_core.market.env import DynamicPricingEnvV0, DynamicPricingEnvV1
from phantom_core.market.observation import EnvVersion
from phantom_core.market.ppo.hyperparameters import reward_unit
from phantom_core.market.ppo.practice import PracticeShops
from phantom_core.market.scenario import Scenario, ScenarioProduct, load_scenario
from phantom_core.market.vec_env import ShopVecEnv

TIGHT = load_scenario("tight")


def prices(hour: int, n_shops: int = 1) -> np.ndarray:
    return np.full((n_shops, 1), 0.8 + 0.02 * (hour % 24), np.float32)


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_a_batch_of_one_plays_the_episodes_of_the_single_environment(version: EnvVersion) -> None:
    single = DynamicPricingEnvV0(TIGHT) if version == "v0" else DynamicPricingEnvV1(TIGHT)
    batch = ShopVecEnv(TIGHT, 1, 7, version=version)
    seen, _ = single.reset(seed=7)
    np.testing.assert_array_equal(batch.reset()[0], seen)
    n_ends = 0
    for hour in range(100):
        seen, reward, terminated, truncated, _ = single.step(prices(hour)[0])
        batch_seen, batch_reward, done, infos = batch.step(prices(hour))
        assert batch_reward[0] == np.float32(reward)
        assert done[0] == (terminated or truncated)
        if done[0]:
            np.testing.assert_array_equal(infos[0]["terminal_observation"], seen)
            assert infos[0]["TimeLimit.truncated"] == truncated
            seen, _ = single.reset()
            n_ends += 1
        np.testing.assert_array_equal(batch_seen[0], seen)
    assert n_ends >= 4


def test_the_same_seed_gives_the_same_batch_by_constructor_and_by_seed() -> None:
    def episodes(batch: ShopVecEnv) -> list[Any]:
        return [batch.reset(), *(batch.step(prices(hour, 16))[0] for hour in range(40))]

    one, same, seeded, other = (ShopVecEnv(TIGHT, 16, seed) for seed in (3, 3, 99, 4))
    seeded.seed(3)
    first = episodes(one)
    assert all(np.array_equal(a, b) for a, b in zip(first, episodes(same), strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(first, episodes(seeded), strict=True))
    assert not np.array_equal(first[-1], episodes(other)[-1])


def test_episode_figures_are_those_of_a_monitor() -> None:
    batch = ShopVecEnv(TIGHT, 8, 1)
    batch.reset()
    total, length = np.zeros(8), np.zeros(8)
    n_done = 0
    for hour in range(60):
        _, reward, done, infos = batch.step(prices(hour, 8))
        total, length = total + reward, length + 1
        n_done += done.sum()
        for row in np.flatnonzero(done):
            assert infos[row]["episode"]["r"] == pytest.approx(total[row], rel=1e-5)
            assert infos[row]["episode"]["l"] == length[row]
            total[row] = length[row] = 0
        assert all(infos[row] == {} for row in np.flatnonzero(~done))
    assert n_done >= 8  # each shop ended an episode


@pytest.mark.slow
def test_sb3_learns_on_it_and_sees_the_episodes() -> None:
    model = PPO(
        "MlpPolicy", ShopVecEnv(TIGHT, 10, 1), n_steps=30, batch_size=100, n_epochs=1, device="cpu"
    ).learn(300)
    assert model.num_timesteps == 300
    episodes = model.ep_info_buffer or ()
    assert len(episodes) >= 10
    assert all(0 < episode["r"] < 75 for episode in episodes)


def test_what_one_shop_cannot_have_alone_is_rejected() -> None:
    batch = ShopVecEnv(TIGHT, 2, 1)
    assert batch.get_attr("version") == ["v0", "v0"]
    assert batch.env_is_wrapped(DynamicPricingEnvV0) == [False, False]
    with pytest.raises(InputError, match="of one shop cannot be set"):
        batch.set_attr("scenario", TIGHT)
    with pytest.raises(InputError, match="no environment per shop"):
        batch.env_method("reset")
    with pytest.raises(InputError, match="0 shops"):
        ShopVecEnv(TIGHT, 0, 1)


def test_practice_starts_at_every_hour_of_the_horizon_and_sees_the_clock() -> None:
    slack = Scenario(horizon_h=40, products=(ScenarioProduct(stock=100_000),))
    shops = PracticeShops(slack, 40, 1, version="v0")
    seen = shops.reset()
    assert seen.shape == (40, 6)
    assert sorted((40 - 40 * seen[:, 5]).round().tolist()) == list(range(40))


def test_practice_ends_at_the_horizon_and_counts_whole_episodes_of_full_shops_only() -> None:
    slack = Scenario(horizon_h=24, products=(ScenarioProduct(stock=100_000),))
    shops = PracticeShops(slack, 6, 1, version="v0")
    shops.reset()
    endings = [
        (row, info)
        for hour in range(48)
        for row, info in enumerate(shops.step(prices(hour, 6))[3])
        if info
    ]
    assert not any(info["TimeLimit.truncated"] for _, info in endings)
    reported = [(row, info["episode"]) for row, info in endings if "episode" in info]
    assert {row % 2 for row, _ in reported} == {0}
    assert {episode["l"] for _, episode in reported} == {24}


def test_practice_rewards_are_in_units() -> None:
    plain, practice = ShopVecEnv(TIGHT, 1, 1), PracticeShops(TIGHT, 1, 1, version="v0")
    plain.reset()
    practice.reset()
    assert practice.step(prices(0))[1][0] * reward_unit(TIGHT) == pytest.approx(
        plain.step(prices(0))[1][0]
    )
    assert reward_unit(TIGHT) == pytest.approx(10.0)
