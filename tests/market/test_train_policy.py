"""Training a policy from the command line and as a job."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from phantom_core.cli import app
from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.market.model_scores import ModelScores
from phantom_core.market.policies.ppo import load_policy
from phantom_core.market.ppo.training import Training, train_ppo
from phantom_core.market.scenario import load_scenario
from phantom_core.market.trial import run_trial
from phantom_core.use_cases.markets.job_train_policy import TrainPolicyRequest
from phantom_core.use_cases.markets.train_policy import run_folder
from tests.conftest import NOW_MS


def simulate_train(workspace: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(
        app,
        [
            "simulate",
            "train",
            "--steps",
            "2500",
            "--workspace",
            str(workspace),
            "--json",
            *arguments,
        ],
    )
    return done.exit_code, json.loads(done.stdout)


@pytest.mark.slow
def test_train_reports_reward_and_percent_of_the_optimum_and_lands_in_the_workspace(
    tmp_path: Path,
) -> None:
    code, report = simulate_train(tmp_path, "--seed", "3")
    assert code == 0
    assert (report["steps"], report["seed"], report["pct_of"]) == (2_500, 3, "optimum")
    low, high = report["pct_of_optimum_ci"]
    assert 90 < low < report["pct_of_optimum"] < high < 101
    assert report["run"] == str(tmp_path / "policies" / "tight-v0")
    assert report["seconds"] > 0
    assert report["steps_per_s"] > 0
    played = CliRunner().invoke(
        app,
        [
            "simulate",
            "run",
            "--policies",
            "ppo:tight-v0,best_fixed",
            "--episodes",
            "50",
            "--workspace",
            str(tmp_path),
            "--json",
        ],
    )
    assert played.exit_code == 0, played.output


@pytest.mark.slow
def test_several_seeds_go_into_folders_of_their_own_and_resume_keeps_the_finished(
    tmp_path: Path,
) -> None:
    out = str(tmp_path / "team")
    code, first = simulate_train(tmp_path, "--seed", "3", "--seeds", "2", "--out", out)
    assert (code, [one["run"] for one in first["seeds"]]) == (0, [f"{out}/seed-3", f"{out}/seed-4"])
    code, again = simulate_train(tmp_path, "--seed", "3", "--seeds", "2", "--out", out, "--resume")
    assert (code, again) == (0, first)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--env", "v2"), "There is no environment version 'v2'."),
        (("--scenario", "nowhere"), "There is no scenario 'nowhere'."),
        (("--steps", "0"), "0 steps cannot be trained."),
        (("--resume",), "There is nothing to resume in"),
    ],
)
def test_what_cannot_be_trained_gets_one_sentence(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    code, told = simulate_train(tmp_path, *arguments)
    assert code == 1
    assert str(told["error"]).startswith(message)


def test_a_job_trains_a_scenario_given_as_toml(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)
    told: list[float] = []
    scenario = load_scenario("tight").with_(agent_share=0.4).to_toml()
    request = TrainPolicyRequest(scenario=scenario, steps=250, seed=2, env="v1", run_name="mine")
    result = request.run(
        settings, now_ms=7, progress=lambda done, message, values=None: told.append(done)
    ).to_json()
    assert (result["run"], result["steps"], result["env"]) == (
        str(tmp_path / "policies" / "mine"),
        250,
        "v1",
    )
    assert told == sorted(told)
    assert told[-1] == 1.0


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "n" * 200])
def test_run_names_stay_inside_the_workspace(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be called"):
        run_folder(Settings(workspace=tmp_path), name)


SCORES = ModelScores("network 1", (0.1, 0.2), (0.7, 0.9), 2.5, 4.0)


def test_a_policy_keeps_the_scores_of_the_model_it_learned_with(tmp_path: Path) -> None:
    training = Training(load_scenario("tight"), "v1", 1_000, 1, scores=SCORES)
    train_ppo(training, tmp_path / "run", resume=False, now_ms=NOW_MS)
    policy = load_policy(tmp_path / "run")
    assert policy.name == "ppo_network"
    assert policy.card.scores == SCORES
    assert policy.scorer is not None
    assert policy.scorer.agent_scores.tolist() == [0.7, 0.9]
    trial = run_trial(load_scenario("tight"), [policy], n_episodes=10, seed=1)
    sure = run_trial(
        load_scenario("tight"),
        [policy],
        n_episodes=10,
        seed=1,
        scorer=ModelScores("other", (0.5,), (0.5,), 2.0, 5.0).scorer(),
    )
    assert trial.results == sure.results  # whatever scores the others


def test_observations_without_scores_refuse_a_model(tmp_path: Path) -> None:
    training = Training(load_scenario("tight"), "v0", 1_000, 1, scores=SCORES)
    with pytest.raises(InputError, match="v0 hold no scores"):
        train_ppo(training, tmp_path / "run", resume=False, now_ms=NOW_MS)
