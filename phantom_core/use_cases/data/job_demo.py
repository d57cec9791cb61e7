"""Job: load the demo set."""

from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings
    from phantom_core.use_cases.data.demo import DemoReport


class DemoRequest(JobRequest):
    """Fill the workspace with generated shoppers."""

    kind: ClassVar[str] = "demo"
    title: ClassVar[str] = "Load demo data"

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> "DemoReport":
        """Generate and load."""
        from phantom_core.use_cases.data.demo import load_demo, weeks_until

        return load_demo(settings, now_ms=now_ms, weeks=weeks_until(now_ms), progress=progress)
