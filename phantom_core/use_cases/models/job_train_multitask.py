"""Job: train the multi-task network."""

from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest, OptionalText

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings
    from phantom_core.evaluation.multitask_report import MultitaskReport


class TrainMultitaskRequest(JobRequest):
    """Train the network of P(agent) and P(purchase | price), and evaluate it on held-out actors.

    Attributes:
        folds: grouped by actor.
        moments: first_quote or before_cart; None chooses by the quotes loaded.
        seed: of everything random; None means the installation's.
        learns_weights: whether the training weighs the two losses.
        tuned: whether to use the best hyperparameters found by tuning.
        for_pricing: whether to leave out the features that prices may not depend on.
    """

    kind: ClassVar[str] = "train_multitask"
    title: ClassVar[str] = "Train the network"
    folds: int = 5
    moments: OptionalText = None
    seed: int | None = None
    learns_weights: bool = False
    tuned: bool = False
    for_pricing: bool = True

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> "MultitaskReport":
        """Train, evaluate, save; the first one is used at once."""
        from dataclasses import replace

        from phantom_core.features.offers.offers import moments_named
        from phantom_core.lake.lake import open_lake
        from phantom_core.models.multitask.hyperparameters import Hyperparameters
        from phantom_core.use_cases.models.train_multitask import train_multitask
        from phantom_core.use_cases.models.tune_multitask import tuned_hyperparameters

        chosen = tuned_hyperparameters(settings) if self.tuned else Hyperparameters()
        return train_multitask(
            settings,
            open_lake(settings),
            now_ms=now_ms,
            n_folds=self.folds,
            chosen=replace(chosen, learns_weights=self.learns_weights or chosen.learns_weights),
            moments=moments_named(self.moments),
            for_pricing=self.for_pricing,
            seed=self.seed,
            progress=progress,
        )
