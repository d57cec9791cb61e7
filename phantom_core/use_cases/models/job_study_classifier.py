"""Job: study the agent classifier."""

from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings
    from phantom_core.evaluation.report import ClassifierReport


class StudyClassifierRequest(JobRequest):
    """Study a saved classifier on new agents, short sessions and forged clocks.

    Attributes:
        version: of the model; None means the one in use.
    """

    kind: ClassVar[str] = "study_classifier"
    title: ClassVar[str] = "Study the agent classifier"
    version: str | None = None

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> "ClassifierReport":
        """Run the studies that are missing, and save their results beside the model."""
        from phantom_core.lake.lake import open_lake
        from phantom_core.use_cases.models.study_classifier import study_classifier

        return study_classifier(
            settings, open_lake(settings), version=self.version, progress=progress
        )
