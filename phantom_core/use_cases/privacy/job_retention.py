"""Job: delete what is older than its retention."""

from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings
    from phantom_core.use_cases.privacy.retention import RetentionReport


class RetentionRequest(JobRequest):
    """Delete events, refused rows, uploads, decisions, replays and job logs that are too old."""

    kind: ClassVar[str] = "retention"
    title: ClassVar[str] = "Apply retention"

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> "RetentionReport":
        """Finish an interrupted erasure, then delete."""
        from phantom_core.use_cases.privacy.retention import apply_retention

        return apply_retention(settings, now_ms=now_ms, progress=progress)
