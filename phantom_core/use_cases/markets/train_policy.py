"""Train policy: PPO on a scenario, measured against the optimum once it is done."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import InputError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.registry import choose_named
from phantom_core.core.settings import Settings
from phantom_core.market.figures import TrialFigure
from phantom_core.market.model_scores import ModelScores
from phantom_core.market.observation import ENV_VERSIONS, EnvVersion
from phantom_core.market.policies.ppo import load_policy
from phantom_core.market.ppo.checkpoint import has_checkpoint, read_checkpoint
from phantom_core.market.ppo.saved_policy import is_finished
from phantom_core.market.ppo.training import Training, train_ppo
from phantom_core.market.scenario import Scenario
from phantom_core.market.trial import run_trial
from phantom_core.use_cases.markets.network_scores import network_scores
from phantom_core.use_cases.markets.simulate import policy_runs

ScoresBy = Literal["detector", "network"]
SCORES_BY: Final[tuple[ScoresBy, ...]] = get_args(ScoresBy)
EVALUATION_EPISODES: Final = 500
_RUN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_TRAINING_SHARE: Final = 0.95


@dataclass(frozen=True, slots=True)
class TrainReport:
    """Report of a training.

    Attributes:
        run: folder of the run.
        scenario: name of the one it was trained on.
        env_version: what the policy observes.
        scores: model whose scores it observes; None for the detector's flags or none.
        seed: of the training.
        steps: shop hours it learned from.
        seconds: wall time of the training.
        training_reward: mean of the last episodes, with exploration; None where none ended.
        reward: of an episode without exploration, with its interval.
        pct_of_optimum: the same in percent of the optimum on the same episodes; of the fluid bound
            with several products.
        pct_of: "optimum" or "bound".
        episodes: that these figures were measured on.
    """

    run: Path
    scenario: str
    env_version: EnvVersion
    scores: str | None
    seed: int
    steps: int
    seconds: float
    training_reward: float | None
    reward: TrialFigure
    pct_of_optimum: TrialFigure
    pct_of: str
    episodes: int

    def to_json(self) -> dict[str, object]:
        """The report as one JSON object; intervals are [low, high]."""
        return {
            "run": str(self.run),
            "scenario": self.scenario,
            "env": self.env_version,
            "scores": self.scores,
            "seed": self.seed,
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
            "steps_per_s": round(self.steps / self.seconds),
            "training_reward": self.training_reward,
            "reward": self.reward.value,
            "reward_ci": [self.reward.low, self.reward.high],
            "pct_of_optimum": self.pct_of_optimum.value,
            "pct_of_optimum_ci": [self.pct_of_optimum.low, self.pct_of_optimum.high],
            "pct_of": self.pct_of,
            "episodes": self.episodes,
        }


@requires(Permission.WORK)
def train_policy(
    settings: Settings,
    scenario: Scenario,
    *,
    steps: int,
    seed: int | None = None,
    env_version: EnvVersion = "v0",
    scores: ScoresBy = "detector",
    run_dir: Path,
    resume: bool = False,
    now_ms: int,
    progress: Progress = no_progress,
) -> TrainReport:
    """Train a policy, save it and evaluate it.

    Args:
        settings: default seed.
        scenario: what it learns on.
        steps: shop hours, rounded up to a whole hour of all shops (a multiple of 125).
        seed: of everything random; None means the settings' one.
        env_version: "v0" for the five numbers, "v1" for model features as well.
        scores: who scores the visitors in v1: the detector's flags, or the newest network.
        run_dir: where curve, checkpoint and policy go; see `run_folder`.
        resume: continue a training that was cancelled.
        now_ms: UTC milliseconds.
        progress: called after every update; a cancelled training can be resumed.
    Raises:
        InputError: invalid steps or seed, or another training than the one to resume.
        ConflictError: the run is finished, or was begun and is not to be resumed.
        NotFoundError: there is nothing to resume, or no network.
        DataError: the checkpoint is damaged, or the network knows no agents or no demand.
        CancelledError: progress cancelled the training.
    """
    training = Training(
        scenario,
        env_version,
        steps,
        settings.seed if seed is None else seed,
        scores=_scores(settings, scores, run_dir, resume),
    )
    train_ppo(
        training,
        run_dir,
        resume=resume,
        now_ms=now_ms,
        progress=part_progress(progress, 0.0, _TRAINING_SHARE),
    )
    report = evaluate_policy(settings, run_dir)
    progress(1.0, "done")
    return report


@requires(Permission.WORK)
def train_policies(
    settings: Settings,
    scenario: Scenario,
    *,
    steps: int,
    seeds: Sequence[int],
    env_version: EnvVersion = "v0",
    scores: ScoresBy = "detector",
    folder: Path,
    resume: bool = False,
    now_ms: int,
    progress: Progress = no_progress,
) -> tuple[TrainReport, ...]:
    """Train one policy per seed, into folder/seed-…; together they form an ensemble.

    Resuming leaves finished runs as they are, continues those that were begun and starts the
    others. Everything else: as in `train_policy`.
    """
    reports = []
    for n, seed in enumerate(seeds):
        run_dir = folder / f"seed-{seed}"
        if resume and is_finished(run_dir):
            reports.append(evaluate_policy(settings, run_dir))
            continue
        reports.append(
            train_policy(
                settings,
                scenario,
                steps=steps,
                seed=seed,
                env_version=env_version,
                scores=scores,
                run_dir=run_dir,
                resume=resume and has_checkpoint(run_dir),
                now_ms=now_ms,
                progress=part_progress(progress, n / len(seeds), (n + 1) / len(seeds)),
            )
        )
    return tuple(reports)


def _scores(
    settings: Settings, scores: ScoresBy, run_dir: Path, resume: bool
) -> ModelScores | None:
    """Scores of the model; a training that is resumed keeps those it began with."""
    if scores == "detector":
        return None
    if resume and has_checkpoint(run_dir):
        return read_checkpoint(run_dir)[0].scores
    return network_scores(settings)


@requires(Permission.WORK)
def evaluate_policy(settings: Settings, run_dir: Path) -> TrainReport:
    """Evaluate a finished policy against the optimum, on the scenario it was trained on.

    Raises:
        NotFoundError: there is no finished policy.
        DataError: its files are damaged.
    """
    policy = load_policy(run_dir)
    card = policy.card
    trial = run_trial(
        card.trained_on(), [policy], n_episodes=EVALUATION_EPISODES, seed=settings.seed
    )
    (result,) = trial.results
    return TrainReport(
        run=run_dir,
        scenario=card.scenario,
        env_version=card.env_version,
        scores=card.scores.source if card.scores else None,
        seed=card.seed,
        steps=card.steps,
        seconds=card.seconds,
        training_reward=card.training_reward,
        reward=result.reward,
        pct_of_optimum=result.pct_of_optimum,
        pct_of=trial.measured_by,
        episodes=EVALUATION_EPISODES,
    )


@requires(Permission.READ)
def run_folder(settings: Settings, name: str) -> Path:
    """Folder of a training run in the workspace.

    Raises:
        InputError: a name that is not valid for a folder.
    """
    if not _RUN_NAME.fullmatch(name):
        raise InputError(
            f"A training cannot be called '{name}'.",
            hint="Use up to 80 letters, digits, dots, dashes and underscores.",
        )
    return policy_runs(settings) / name


@needs_no_permission
def env_named(name: str) -> EnvVersion:
    """A version of the environment.

    Raises:
        InputError: there is no such version.
    """
    return choose_named("environment version", name, ENV_VERSIONS)
