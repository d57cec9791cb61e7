"""PPO: it learns, it can be stopped and resumed, and what it saves comes back whole or not at
all.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save

from phantom_core.core.errors import (
    CancelledError,
    ConflictError,
    DataError,
    InputError,
    NotFoundError,
)
from phantom_core.market.episodes import play_episodes
from phantom_core.market.observation import EnvVersion, Observation
from phantom_core.market.policies.fixed import Fixed
from phantom_core.market.policies.ppo import PpoPolicy, load_policies, load_policy
from phantom_core.market.ppo.checkpoint import FOLDER, read_checkpoint
from phantom_core.market.ppo.hyperparameters import PpoHyperparameters
from phantom_core.market.ppo.learner import Learner
from phantom_core.market.ppo.saved_policy import CARD, WEIGHTS
from phantom_core.market.ppo.training import Training, read_curve, train_ppo
from phantom_core.market.scenario import Scenario, ScenarioProduct, load_scenario
from phantom_core.market.shops import Shops
from phantom_core.market.team import Team
from phantom_core.market.traffic import DetectorScorer
from phantom_core.market.trial import run_trial
from phantom_core.model_store.store import file_digest

TIGHT = load_scenario("tight")
SMALL = PpoHyperparameters(n_shops=25, rollout_h=8, batch_size=100, n_epochs=2, hidden=(16, 16))


def small(
    steps: int, *, scenario: Scenario = TIGHT, version: EnvVersion = "v0", seed: int = 1
) -> Training:
    return Training(scenario, version, steps, seed, SMALL)


def stop_at(fraction: float) -> Callable[[float, str], None]:
    def progress(done: float, message: str, values: object = None) -> None:
        if done >= fraction:
            raise CancelledError("Stopped.")

    return progress


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ppo") / "run"
    train_ppo(small(2_000), folder, resume=False, now_ms=5)
    return folder


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "run"))


@pytest.mark.slow
def test_a_hundred_thousand_steps_reach_99_percent_of_the_optimum(tmp_path: Path) -> None:
    card = train_ppo(Training(TIGHT, seed=3), tmp_path, resume=False, now_ms=0)
    assert card.steps == 100_000
    trial = run_trial(TIGHT, [load_policy(tmp_path)], n_episodes=2_000, seed=11)
    assert trial.results[0].pct_of_optimum.value == pytest.approx(99.3, abs=0.4)
    assert trial.results[0].vs_best_fixed.low > 0


@pytest.mark.slow
def test_the_saved_policy_asks_what_the_network_would(tmp_path: Path) -> None:
    for version in ("v0", "v1"):
        train_ppo(small(400, version=version), tmp_path / version, resume=False, now_ms=0)
        policy = load_policy(tmp_path / version)
        learner = Learner(TIGHT, version, total_steps=400, steps=0, seed=1, chosen=SMALL)
        weights = load((tmp_path / version / WEIGHTS).read_bytes())
        learner.restore({f"policy.{name}": array for name, array in weights.items()})
        shops = Shops(TIGHT, 200, 4, DetectorScorer(TIGHT))
        for _ in range(30):
            shops.step(np.random.default_rng(1).uniform(0.7, 1.5, 200))
            seen = np.column_stack(
                [
                    Observation(TIGHT, version).of(shops.state, policy.highs),
                    np.zeros(200, np.float32),
                ]
            )
            network = learner._model.policy
            with torch.no_grad():
                mean = network.get_distribution(torch.as_tensor(seen)).mode().numpy()[:, 0]
            np.testing.assert_allclose(
                policy.ratios(shops.state), np.clip(mean, 0.7, 1.5), atol=1e-5
            )


def test_an_untrained_policy_asks_the_best_fixed_price_and_stays_within_the_guard_rails() -> None:
    scenario = TIGHT.with_(lowest_ratio=1.2, highest_ratio=1.3)
    learner = Learner(scenario, "v0", total_steps=25, steps=0, seed=1, chosen=SMALL)
    bias = learner.policy_tensors()["action_net.bias"]
    assert bias[0] == pytest.approx(1.2, abs=1e-3)


def test_the_same_seed_trains_the_same_policy(run: Path, tmp_path: Path) -> None:
    same = train_ppo(small(2_000), tmp_path / "same", resume=False, now_ms=9)
    other = train_ppo(small(2_000, seed=2), tmp_path / "other", resume=False, now_ms=9)
    assert same.sha256 == load_policy(run).card.sha256 or same.sha256 == ""
    assert (tmp_path / "same" / WEIGHTS).read_bytes() == (run / WEIGHTS).read_bytes()
    assert (tmp_path / "other" / WEIGHTS).read_bytes() != (run / WEIGHTS).read_bytes()
    assert other.seed == 2


def test_the_card_says_where_a_policy_comes_from_and_the_curve_how_it_got_there(run: Path) -> None:
    card = json.loads((run / CARD).read_text())
    assert {
        name: card[name]
        for name in ("kind", "env_version", "scenario", "steps", "seed", "created_ms", "format")
    } == {
        "kind": "ppo",
        "env_version": "v0",
        "scenario": "tight",
        "steps": 2_000,
        "seed": 1,
        "created_ms": 5,
        "format": 1,
    }
    assert card["hyperparameters"]["n_shops"] == 25
    assert set(card["libraries"]) == {
        "stable_baselines3",
        "torch",
        "gymnasium",
        "numpy",
        "safetensors",
    }
    assert load_policy(run).card.trained_on() == TIGHT
    assert [point["steps"] for point in read_curve(run)] == list(range(200, 2_001, 200))
    assert not (run / FOLDER).exists()


def test_a_cancelled_training_resumes_to_exactly_the_steps_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(CancelledError):
        train_ppo(small(2_100), folder, resume=False, now_ms=0, progress=stop_at(0.45))
    checkpoint, tensors = read_checkpoint(folder)
    assert checkpoint.steps == 1_000
    assert any(name.startswith("adam.") for name in tensors)
    with (folder / "curve.jsonl").open("a") as curve:
        curve.write('{"steps": 1200, "reward": 1.0, "seconds": 1.0}\n')
    card = train_ppo(small(2_100), folder, resume=True, now_ms=0)
    assert card.steps == 2_100
    assert card.seconds > checkpoint.seconds
    steps = [point["steps"] or 0 for point in read_curve(folder)]
    assert (steps, steps[-1]) == (sorted(set(steps)), 2_100)
    reward = (
        play_episodes(
            TIGHT, load_policy(folder), 400, 1, None, lambda done, message, values=None: None
        )
        .reward(0.5)
        .mean()
    )
    assert (
        reward
        > play_episodes(TIGHT, Fixed(1.0), 400, 1, None, lambda done, message, values=None: None)
        .reward(0.5)
        .mean()
    )


def test_a_scenario_that_was_only_reworded_is_the_same_market(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(CancelledError):
        train_ppo(small(2_100), folder, resume=False, now_ms=0, progress=stop_at(0.45))
    begun = small(2_100)
    reworded = begun.scenario.model_copy(update={"note": "Other words."})
    card = train_ppo(replace(begun, scenario=reworded), folder, resume=True, now_ms=0)
    assert card.steps >= 2_100


def test_a_training_cancelled_at_once_can_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(CancelledError):
        train_ppo(small(200), tmp_path, resume=False, now_ms=0, progress=stop_at(0.0))
    assert train_ppo(small(200), tmp_path, resume=True, now_ms=0).steps == 200


def test_a_training_cancelled_after_its_last_step_is_finished_by_resuming(tmp_path: Path) -> None:
    with pytest.raises(CancelledError):
        train_ppo(small(200), tmp_path, resume=False, now_ms=0, progress=stop_at(1.0))
    assert train_ppo(small(200), tmp_path, resume=True, now_ms=0).steps == 200


def test_a_restored_learner_holds_the_checkpoint_and_nothing_else() -> None:
    first = Learner(TIGHT, "v0", total_steps=1_000, steps=0, seed=1, chosen=SMALL)
    first.update()
    second = Learner(TIGHT, "v0", total_steps=1_000, steps=200, seed=1, chosen=SMALL)
    second.restore(first.tensors())
    held, restored = first.tensors(), second.tensors()
    assert held.keys() == restored.keys()
    assert all(np.array_equal(held[name], restored[name]) for name in held)


def test_steps_are_rounded_up_to_a_whole_hour_of_all_shops(tmp_path: Path) -> None:
    assert train_ppo(small(201), tmp_path, resume=False, now_ms=0).steps == 225


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (small(2_000, version="v1"), "a different environment"),
        (small(2_000, scenario=TIGHT.with_(agent_share=0.2)), "a different scenario"),
        (small(2_000, seed=8), "a different seed"),
        (small(375), "already has 400 steps"),
    ],
)
def test_resuming_something_else_is_rejected(
    training: Training, message: str, tmp_path: Path
) -> None:
    with pytest.raises(CancelledError):
        train_ppo(small(2_000), tmp_path, resume=False, now_ms=0, progress=stop_at(0.2))
    with pytest.raises(InputError, match=message):
        train_ppo(training, tmp_path, resume=True, now_ms=0)
    with pytest.raises(ConflictError, match="begun and not finished"):
        train_ppo(small(2_000), tmp_path, resume=False, now_ms=0)


def test_finished_and_missing_runs_are_not_resumed(run: Path, tmp_path: Path) -> None:
    for resume in (True, False):
        with pytest.raises(ConflictError, match="is finished"):
            train_ppo(small(2_000), run, resume=resume, now_ms=0)
    with pytest.raises(NotFoundError, match="nothing to resume"):
        train_ppo(small(2_000), tmp_path, resume=True, now_ms=0)


@pytest.mark.parametrize(("steps", "seed"), [(0, 1), (-5, 1), (10**9, 1), (100, -1)])
def test_steps_and_seeds_that_make_no_sense_are_rejected(
    steps: int, seed: int, tmp_path: Path
) -> None:
    with pytest.raises(InputError):
        train_ppo(small(steps, seed=seed), tmp_path, resume=False, now_ms=0)


def test_damaged_and_foreign_policies_are_rejected(copy: Path) -> None:
    weights, card = (copy / WEIGHTS).read_bytes(), (copy / CARD).read_bytes()

    def rejected(new_weights: bytes, new_card: bytes, *, rehash: bool = False) -> str:
        (copy / WEIGHTS).write_bytes(new_weights)
        told = json.loads(new_card) | {"sha256": file_digest(new_weights)} if rehash else None
        (copy / CARD).write_bytes(json.dumps(told).encode() if told else new_card)
        with pytest.raises(DataError) as error:
            load_policy(copy)
        return error.value.message

    assert "SHA-256 differs" in rejected(weights[:-1], card)
    assert "holds no tensors" in rejected(b"\x80\x04pickle", card, rehash=True)
    assert "not those of a v0 policy" in rejected(
        save({"a": np.zeros(3, np.float32)}), card, rehash=True
    )
    wide = {
        **load(weights),
        "action_net.weight": np.zeros((2, 16), np.float32),
        "action_net.bias": np.zeros(2, np.float32),
    }
    assert "not those of a v0 policy" in rejected(save(wide), card, rehash=True)
    not_numbers = {**load(weights), "action_net.bias": np.array([np.nan], np.float32)}
    assert "not those of a v0 policy" in rejected(save(not_numbers), card, rehash=True)
    assert "not the card of a policy" in rejected(weights, b"{}")
    assert "not the card of a policy" in rejected(weights, card[:-20])
    assert "format 2" in rejected(weights, card.replace(b'"format": 1', b'"format": 2'))
    (copy / CARD).write_bytes(card)
    (copy / WEIGHTS).unlink()
    with pytest.raises(DataError, match="are missing"):
        load_policy(copy)


def test_a_damaged_checkpoint_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(CancelledError):
        train_ppo(small(1_000), tmp_path, resume=False, now_ms=0, progress=stop_at(0.2))
    (tmp_path / FOLDER / "steps-200.safetensors").write_bytes(b"nothing")
    with pytest.raises(DataError, match="SHA-256 differs"):
        train_ppo(small(1_000), tmp_path, resume=True, now_ms=0)
    (tmp_path / FOLDER / "checkpoint.json").write_text("{}")
    with pytest.raises(DataError, match="not a checkpoint"):
        train_ppo(small(1_000), tmp_path, resume=True, now_ms=0)


def test_runs_of_several_seeds_are_one_team(copy: Path, tmp_path: Path) -> None:
    assert isinstance(load_policies(copy), PpoPolicy)
    folder = tmp_path / "team"
    for seed in (1, 2):
        shutil.copytree(copy, folder / f"seed-{seed}")
    team = load_policies(folder)
    assert isinstance(team, Team)
    assert (team.name, len(team.members)) == ("ppo", 2)
    train_ppo(small(25, version="v1"), folder / "seed-3", resume=False, now_ms=0)
    with pytest.raises(DataError, match="different scenarios or environments"):
        load_policies(folder)
    with pytest.raises(NotFoundError, match="no trained policy"):
        load_policies(tmp_path)


@pytest.mark.slow
def test_one_price_serves_all_products(tmp_path: Path) -> None:
    scenario = Scenario(
        products=(
            ScenarioProduct(name="a", stock=10),
            ScenarioProduct(name="b", base_price=3.0, stock=20),
        ),
        substitution=0.5,
    )
    train_ppo(small(200, scenario=scenario), tmp_path, resume=False, now_ms=0)
    assert load_policy(tmp_path).ratios(Shops(scenario, 7, 1).state).shape == (7,)


def test_training_leaves_torchs_threads_as_they_were(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    train_ppo(small(25), tmp_path, resume=False, now_ms=0)
    assert torch.get_num_threads() == before
