"""Scores of the network, as policies that learn observe them."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from phantom_core.core.errors import NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.market.ppo.checkpoint import read_checkpoint
from phantom_core.market.scenario import load_scenario
from phantom_core.use_cases.markets.network_scores import network_scores
from phantom_core.use_cases.markets.train_policy import run_folder, train_policy
from tests.conftest import NOW_MS

pytestmark = pytest.mark.slow


def test_without_a_network_there_are_no_scores(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        network_scores(Settings(workspace=tmp_path))


def test_agents_score_higher_and_a_resumed_training_keeps_its_scores(
    networked: Path, tmp_path: Path
) -> None:
    settings = Settings(workspace=shutil.copytree(networked, tmp_path / "shop"))
    found = network_scores(settings)
    assert np.mean(found.agent) > np.mean(found.human)
    assert found.agent_sensitivity > 0
    assert found.scorer().human_sensitivity == found.human_sensitivity

    def stop_soon(fraction: float, message: str, values: object = None) -> None:
        if fraction > 0.4:
            raise KeyboardInterrupt

    run_dir, scenario = run_folder(settings, "scored"), load_scenario("tight")
    with pytest.raises(KeyboardInterrupt):
        train_policy(
            settings,
            scenario,
            steps=5_000,
            seed=1,
            env_version="v1",
            scores="network",
            run_dir=run_dir,
            now_ms=NOW_MS,
            progress=stop_soon,
        )
    assert read_checkpoint(run_dir)[0].scores == found
    shutil.rmtree(settings.paths.models("multitask"))
    report = train_policy(
        settings,
        scenario,
        steps=5_000,
        seed=1,
        env_version="v1",
        scores="network",
        run_dir=run_dir,
        resume=True,
        now_ms=NOW_MS,
    )
    assert report.scores == found.source
