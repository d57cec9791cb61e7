"""Job: tune the multi-task network."""

from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings
    from phantom_core.use_cases.models.tune_multitask import TuneReport


class TuneMultitaskRequest(JobRequest):
    """Search for better hyperparameters of the network; continues the last search of the workspace.

    Attributes:
        seconds: time budget.
        seed: of folds and search; None means the installation's.
    """

    kind: ClassVar[str] = "tune_multitask"
    title: ClassVar[str] = "Tune the network"
    seconds: float = 300.0
    seed: int | None = None

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> "TuneReport":
        """Search until time is up."""
        from phantom_core.lake.lake import open_lake
        from phantom_core.use_cases.models.tune_multitask import tune_multitask

        lake = open_lake(settings)
        return tune_multitask(
            settings, lake, seconds=self.seconds, seed=self.seed, progress=progress
        )
