"""Job: train the agent classifier."""

from typing import TYPE_CHECKING, ClassVar, Literal

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
        labels: given, weak, or auto: weak where few labels are given.
    """

    kind: ClassVar[str] = "train_classifier"
    title: ClassVar[str] = "Train the agent classifier"
    folds: int = 5
    without: Texts = ()
    for_pricing: bool = True
    seed: int | None = None
    labels: Literal["auto", "given", "weak"] = "auto"

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> "ClassifierReport":
        """Train, evaluate, save, then study; the first one is used before it is studied.

        One that learned without labels is not studied: studies need labels.
        """
        from phantom_core.core.progress import part_progress
        from phantom_core.lake.lake import open_lake
        from phantom_core.use_cases.models.study_classifier import study_classifier

        report = self._trained(settings, now_ms, part_progress(progress, 0, 0.4))
        if report.weak:
            return report
        return study_classifier(
            settings,
            open_lake(settings),
            version=report.model_version,
            progress=part_progress(progress, 0.4, 1),
        )

    def run_for(
        self, settings: "Settings", who: str, *, now_ms: int, progress: Progress = no_progress
    ) -> "ClassifierReport":
        """Train, evaluate, save; a second job studies it, as the model is usable already."""
        from phantom_core.jobs.jobs import Jobs
        from phantom_core.use_cases.models.job_study_classifier import StudyClassifierRequest

        report = self._trained(settings, now_ms, progress)
        if report.weak:
            return report
        Jobs(settings).start(StudyClassifierRequest(version=report.model_version))
        return report

    def _trained(self, settings: "Settings", now_ms: int, progress: Progress) -> "ClassifierReport":
        from phantom_core.lake.lake import open_lake
        from phantom_core.use_cases.models.train_classifier import train_classifier

        return train_classifier(
            settings,
            open_lake(settings),
            now_ms=now_ms,
            n_folds=self.folds,
            without=self.without,
            for_pricing=self.for_pricing,
            seed=self.seed,
            labels=self.labels,
            progress=progress,
        )
