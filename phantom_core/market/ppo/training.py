"""Training: PPO with a live curve, checkpoints, cancelling and resuming."""

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import gymnasium
import numpy as np
import safetensors
import stable_baselines3
import torch

from phantom_core.core.errors import CancelledError, ConflictError, InputError
from phantom_core.core.progress import Progress, ProgressValues, no_progress
from phantom_core.market.model_scores import ModelScores
from phantom_core.market.observation import EnvVersion
from phantom_core.market.ppo.checkpoint import (
    FOLDER,
    Checkpoint,
    has_checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from phantom_core.market.ppo.hyperparameters import PpoHyperparameters
from phantom_core.market.ppo.learner import Learner
from phantom_core.market.ppo.saved_policy import PolicyCard, Tensors, is_finished, save_policy
from phantom_core.market.scenario import Scenario, parse_scenario
from phantom_core.model_store.manifest import library_versions
from phantom_core.model_store.store import replace_file
from phantom_core.models.torch_threads import one_thread

CURVE: Final = "curve.jsonl"
USUAL_STEPS: Final = 100_000
MOST_STEPS: Final = 100_000_000
_CHECKPOINTS: Final = 10


@dataclass(frozen=True, slots=True)
class Training:
    """The parameters of a training.

    Attributes:
        scenario: the market.
        env_version: version of the observations.
        steps: shop hours; rounded up to a whole hour of all shops, 125 by default.
        seed: source of all randomness, from 0.
        hyperparameters: of PPO.
        scores: of the model whose scores of the visitors are observed, in v1; None for the
            detector's flags.
    """

    scenario: Scenario
    env_version: EnvVersion = "v0"
    steps: int = USUAL_STEPS
    seed: int = 0
    hyperparameters: PpoHyperparameters = field(default_factory=PpoHyperparameters)
    scores: ModelScores | None = None

    def total_steps(self) -> int:
        """Shop hours in all."""
        n_shops = self.hyperparameters.n_shops
        return -(-self.steps // n_shops) * n_shops


@dataclass(frozen=True, slots=True)
class PolicySteps(ProgressValues):
    """Progress of a training.

    Attributes:
        steps: shop hours trained on.
        total_steps: shop hours requested.
        reward: mean of the episodes that ended last, in money; None before one ended.
    """

    steps: int
    total_steps: int
    reward: float | None


def train_ppo(
    training: Training,
    run_dir: Path,
    *,
    resume: bool,
    now_ms: int,
    progress: Progress = no_progress,
) -> PolicyCard:
    """Train a policy and save it.

    Args:
        training: its parameters.
        run_dir: folder of the curve, checkpoint and policy.
        resume: continue from the checkpoint in there.
        now_ms: written on the policy's card.
        progress: called after every update; when it raises CancelledError, a checkpoint is left to
            resume from.
    Returns:
        The card of the saved policy.
    Raises:
        InputError: steps or a seed that cannot be trained, or parameters that differ from those
            of the training to resume.
        ConflictError: the run is finished, or was begun and is not resumed.
        NotFoundError: there is nothing to resume.
        DataError: the checkpoint is damaged.
        CancelledError: raised by progress.
    """
    _check(training)
    start = _start(training, run_dir, resume)
    run_dir.mkdir(parents=True, exist_ok=True)
    _cut_curve(run_dir / CURVE, start.steps)
    with one_thread():
        run = _Run(training, run_dir, start)
        try:
            run.go(progress)
        except (CancelledError, KeyboardInterrupt):
            run.save_checkpoint()
            raise
    card = run.card(now_ms)
    save_policy(run_dir, card, run.learner.policy_tensors())
    shutil.rmtree(run_dir / FOLDER, ignore_errors=True)
    return card


@dataclass(frozen=True, slots=True)
class _Start:
    steps: int = 0
    seconds: float = 0.0
    tensors: Tensors | None = None


class _Run:
    """A training in progress."""

    def __init__(self, training: Training, run_dir: Path, start: _Start) -> None:
        self._training, self._run_dir, self._before_s = training, run_dir, start.seconds
        self._began_s = time.perf_counter()
        self.learner = Learner(
            training.scenario,
            training.env_version,
            total_steps=training.total_steps(),
            steps=start.steps,
            seed=training.seed,
            chosen=training.hyperparameters,
            scorer=training.scores.scorer() if training.scores else None,
        )
        if start.tensors is not None:
            self.learner.restore(start.tensors)
        self._saved_steps = -1

    def go(self, progress: Progress) -> None:
        total = self.learner.total_steps
        progress(self.learner.steps / total, "learning prices")
        while self.learner.steps < total:
            before = self.learner.steps
            self.learner.update()
            self._note()
            if before * _CHECKPOINTS // total < self.learner.steps * _CHECKPOINTS // total:
                self.save_checkpoint()
            values = PolicySteps(self.learner.steps, total, self.learner.reward())
            progress(
                self.learner.steps / total, f"{self.learner.steps:,} of {total:,} steps", values
            )

    def save_checkpoint(self) -> None:
        if self._saved_steps == self.learner.steps:
            return
        training = self._training
        checkpoint = Checkpoint(
            steps=self.learner.steps,
            total_steps=self.learner.total_steps,
            seed=training.seed,
            env_version=training.env_version,
            scenario=training.scenario.name,
            scenario_toml=training.scenario.to_toml(),
            hyperparameters=training.hyperparameters,
            seconds=self._seconds(),
            training_reward=self.learner.reward(),
            scores=training.scores,
        )
        write_checkpoint(self._run_dir, checkpoint, self.learner.tensors())
        self._saved_steps = self.learner.steps

    def card(self, now_ms: int) -> PolicyCard:
        training = self._training
        return PolicyCard(
            kind="ppo",
            created_ms=now_ms,
            env_version=training.env_version,
            scenario=training.scenario.name,
            scenario_toml=training.scenario.to_toml(),
            steps=self.learner.steps,
            seed=training.seed,
            seconds=self._seconds(),
            training_reward=self.learner.reward(),
            hyperparameters=training.hyperparameters,
            libraries=library_versions(stable_baselines3, torch, gymnasium, np, safetensors),
            scores=training.scores,
        )

    def _note(self) -> None:
        """Append one point to the curve."""
        point = {
            "steps": self.learner.steps,
            "reward": self.learner.reward(),
            "seconds": round(self._seconds(), 3),
        }
        with (self._run_dir / CURVE).open("a", encoding="utf-8") as curve:
            curve.write(json.dumps(point) + "\n")

    def _seconds(self) -> float:
        return self._before_s + time.perf_counter() - self._began_s


def read_curve(run_dir: Path) -> tuple[Mapping[str, float | None], ...]:
    """Points of the learning curve, also of a training in progress: steps, reward (None before
    an episode ended), seconds.
    """
    path = run_dir / CURVE
    if not path.is_file():
        return ()
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    # A line that is being written has no newline yet.
    return tuple(json.loads(line) for line in lines if line.endswith("\n"))


def _check(training: Training) -> None:
    if not 1 <= training.steps <= MOST_STEPS:
        raise InputError(
            f"{training.steps:,} steps cannot be trained.",
            hint=f"Ask for 1 to {MOST_STEPS:,}; {USUAL_STEPS:,} are usual.",
        )
    if training.scores is not None and training.env_version == "v0":
        raise InputError(
            "Observations of version v0 hold no scores of a model.", hint="Train with v1."
        )
    if not 0 <= training.seed < 2**63:
        raise InputError(
            f"Seed {training.seed} cannot be used.", hint="Choose a whole number from 0."
        )


def _start(training: Training, run_dir: Path, resume: bool) -> _Start:
    """Where to begin; raises where it cannot."""
    if is_finished(run_dir):
        raise ConflictError(
            f"The training {run_dir.name} is finished.",
            hint="Give the new one a different name or folder.",
        )
    if not resume:
        if has_checkpoint(run_dir):
            raise ConflictError(
                f"The training {run_dir.name} was begun and not finished.",
                hint="Resume it, or choose another name.",
            )
        return _Start()
    checkpoint, tensors = read_checkpoint(run_dir)
    wanted = {
        "scenario": training.scenario.without_wording(),
        "environment": training.env_version,
        "seed": training.seed,
        "hyperparameters": training.hyperparameters,
        "model": training.scores,
    }
    begun = {
        "scenario": parse_scenario(
            checkpoint.scenario_toml.encode(), checkpoint.scenario
        ).without_wording(),
        "environment": checkpoint.env_version,
        "seed": checkpoint.seed,
        "hyperparameters": checkpoint.hyperparameters,
        "model": checkpoint.scores,
    }
    other = [name for name, value in wanted.items() if value != begun[name]]
    if other:
        raise InputError(
            f"The training {run_dir.name} was begun with a different {other[0]}.",
            hint="Resume it with the same.",
        )
    if checkpoint.steps > training.total_steps():
        raise InputError(
            f"The training {run_dir.name} already has {checkpoint.steps:,} steps.",
            hint="Ask for as many or more.",
        )
    return _Start(checkpoint.steps, checkpoint.seconds, tensors)


def _cut_curve(path: Path, steps: int) -> None:
    """Drop points after the checkpoint: they will be reached again."""
    if path.is_file():
        points = [point for point in read_curve(path.parent) if (point["steps"] or 0) <= steps]
        replace_file(path, "".join(json.dumps(point) + "\n" for point in points).encode())
