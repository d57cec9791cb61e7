"""Training runs: policies of a workspace that are trained or in training, with their curves."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import ConflictError, DataError, InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.market.fluid import fluid_bound
from phantom_core.market.observation import EnvVersion
from phantom_core.market.optimum import solve_optimum, value_of_fixed
from phantom_core.market.policies.best_fixed import best_fixed
from phantom_core.market.ppo.checkpoint import Checkpoint, read_checkpoint
from phantom_core.market.ppo.saved_policy import PolicyCard, read_card
from phantom_core.market.scenario import Scenario
from phantom_core.use_cases.markets.simulate import policy_runs

CURVE: Final = "curve.jsonl"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A run by its folder's name.

    Attributes:
        name: of the run.
        is_finished: there is a trained policy; else a checkpoint to resume from.
        steps: shop hours learned from.
        total_steps: shop hours requested.
        seed: of everything random.
        env_version: what the policy observes.
        scores: model whose scores it observes; empty for the detector's flags or none.
        scenario: name of the one it is trained on.
        scenario_toml: the scenario in full.
        reward: mean of the last episodes, with exploration; None where none ended.
        changed_ms: when it was written last, UTC milliseconds.
    """

    name: str
    is_finished: bool
    steps: int
    total_steps: int
    seed: int
    env_version: EnvVersion
    scores: str
    scenario: str
    scenario_toml: str
    reward: float | None
    changed_ms: int


@dataclass(frozen=True, slots=True)
class Yardsticks:
    """Reference rewards of a training, money per episode.

    Attributes:
        best: expected reward that no policy can exceed.
        is_bound: it is an upper bound, not the exact optimum.
        best_fixed: expected reward of the best fixed price; None where it is not known exactly.
    """

    best: float
    is_bound: bool
    best_fixed: float | None


@requires(Permission.READ)
def training_runs(settings: Settings) -> list[TrainingRun]:
    """All runs that can be simulated or resumed, the one written last first."""
    folders = [path for path in policy_runs(settings).glob("[!.]*") if path.is_dir()]
    found = [run for folder in folders if (run := _run(folder))]
    return sorted(found, key=lambda run: -run.changed_ms)


@requires(Permission.READ)
def curve_table(settings: Settings, name: str) -> pd.DataFrame:
    """A run's learning curve.

    Returns:
        Columns steps, reward (money per episode), seconds; a line that is still being written is
        left out.
    """
    try:
        lines = (policy_runs(settings) / name / CURVE).read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    rows = []
    for line in lines:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return pd.DataFrame(rows, columns=["steps", "reward", "seconds"]).dropna(subset=["reward"])


@needs_no_permission
def training_yardsticks(scenario: Scenario, seed: int) -> Yardsticks:
    """Compute the reference rewards of a scenario."""
    if len(scenario.products) > 1:
        return Yardsticks(fluid_bound(scenario), True, None)
    ratio = best_fixed(scenario, seed).ratio
    return Yardsticks(
        solve_optimum(scenario).reward, False, float(value_of_fixed(scenario, np.array([ratio]))[0])
    )


@requires(Permission.READ)
def check_new_run(settings: Settings, name: str) -> None:
    """Reject a name that a new run cannot have.

    Raises:
        InputError: the name is not a valid folder name.
        ConflictError: there is a run of this name.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"'{name}' cannot be the name of a run.",
            hint="Use letters, digits, '_', '-' and '.', at most 40.",
        )
    if (policy_runs(settings) / name).exists():
        raise ConflictError(
            f"There is a run called '{name}' already.",
            hint="Choose another name, or resume that one below.",
        )


def _run(folder: Path) -> TrainingRun | None:
    card: PolicyCard | Checkpoint
    try:
        card = read_card(folder)
    except (NotFoundError, DataError):
        try:
            card, _ = read_checkpoint(folder)
        except (NotFoundError, DataError):
            return None
    is_finished = isinstance(card, PolicyCard)
    return TrainingRun(
        name=folder.name,
        is_finished=is_finished,
        steps=card.steps,
        total_steps=card.steps if isinstance(card, PolicyCard) else card.total_steps,
        seed=card.seed,
        env_version=card.env_version,
        scores=card.scores.source if card.scores else "",
        scenario=card.scenario,
        scenario_toml=card.scenario_toml,
        reward=card.training_reward,
        changed_ms=card.created_ms
        if isinstance(card, PolicyCard)
        else int(folder.stat().st_mtime * 1_000),
    )
