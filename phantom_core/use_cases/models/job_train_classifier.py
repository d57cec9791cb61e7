"""Job: train the agent classifier."""

from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest, Texts

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings
    from phantom_core.evaluation.report import ClassifierReport


class TrainClassifierRequest(JobRequest):
    """Train the agent classifier and evaluate it on held-out actors.

    Attributes:
        folds: grouped by actor.
        without: families of features to leave out.
        for_pricing: whether to leave out the features that prices may not depend on.
        seed: of everything random; None means the installation's.
    """

    kind: ClassVar[str] = "train_classifier"
    title: ClassVar[str] = "Train the agent classifier"
    folds: int = 5
    without: Texts = ()
    for_pricing: bool = True
    seed: int | None = None

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> "ClassifierReport":
        """Train, evaluate, save; the first one is used at once."""
        from phantom_core.lake.lake import open_lake
        from phantom_core.use_cases.models.train_classifier import train_classifier

        lake = open_lake(settings)
        return train_classifier(
            settings,
            lake,
            now_ms=now_ms,
            n_folds=self.folds,
            without=self.without,
            for_pricing=self.for_pricing,
            seed=self.seed,
            progress=progress,
        )
