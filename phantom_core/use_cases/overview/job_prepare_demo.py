"""Job: prepare what the pages show of the demo set."""

from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings
    from phantom_core.use_cases.overview.prepared_demo import PreparedDemo


class PrepareDemoRequest(JobRequest):
    """Train the classifier, work out revenue and leakage, and learn rules; proposes nothing."""

    kind: ClassVar[str] = "prepare_demo"
    title: ClassVar[str] = "Prepare the demo"

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> "PreparedDemo":
        """Do what has not been done yet."""
        from phantom_core.use_cases.overview.prepare_demo import prepare_demo

        return prepare_demo(settings, now_ms=now_ms, progress=progress)
