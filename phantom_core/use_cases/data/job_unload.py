"""Job: take a load out."""

from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest
from phantom_core.use_cases.data.unload_report import UnloadReport

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings


class UnloadRequest(JobRequest):
    """Take the rows of a load out of the lake and out of the features."""

    kind: ClassVar[str] = "unload"
    title: ClassVar[str] = "Take out a load"
    load_id: str

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> UnloadReport:
        """Take it out."""
        from phantom_core.use_cases.data.unload import unload

        return unload(settings, self.load_id, now_ms=now_ms, progress=progress)
