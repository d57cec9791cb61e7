"""Job: train a price policy."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings
    from phantom_core.use_cases.markets.train_policy import TrainReport


@dataclass(frozen=True, slots=True)
class PolicyOutcome:
    """What pages read of a training report: reward in percent of the optimum; None if undefined."""

    pct_of_optimum: float | None = None


class TrainPolicyRequest(JobRequest):
    """Train a price policy by PPO, and measure it against the optimum.

    Attributes:
        scenario: name of a shipped one, or TOML.
        steps: shop hours to learn from.
        seed: of everything random; None means the installation's.
        env: v0 observes five numbers; v1 also the time left and model features.
        scores: who scores the visitors in v1: the detector's flags, or the newest network.
        run: name of the run.
        resume: continue a training that was cancelled.
    """

    kind: ClassVar[str] = "train_policy"
    title: ClassVar[str] = "Train a price policy"
    scenario: str = "tight"
    steps: int = 100_000
    seed: int | None = None
    env: str = "v0"
    scores: Literal["detector", "network"] = "detector"
    run_name: str = Field(default="", validation_alias="run", serialization_alias="run")
    resume: bool = False

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> "TrainReport":
        """Train, save, measure."""
        from phantom_core.market.scenario import scenario_given
        from phantom_core.use_cases.markets.train_policy import env_named, run_folder, train_policy

        return train_policy(
            settings,
            scenario_given(self.scenario),
            steps=self.steps,
            seed=self.seed,
            env_version=env_named(self.env),
            scores=self.scores,
            run_dir=run_folder(settings, self.run_name),
            resume=self.resume,
            now_ms=now_ms,
            progress=progress,
        )
