"""Job: run the traffic checks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest, PlainReport

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings


@dataclass(frozen=True, slots=True)
class MonitorOutcome(PlainReport):
    """Names of the checks that alert, and what could not be notified, one sentence per channel."""

    alerts: tuple[str, ...]
    untold: tuple[str, ...]


class MonitorRequest(JobRequest):
    """Compare the last week with the one before, and alert where something moved past its limit."""

    kind: ClassVar[str] = "monitor"
    title: ClassVar[str] = "Run checks"

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> MonitorOutcome:
        """Check and notify."""
        from phantom_core.lake.lake import open_lake
        from phantom_core.use_cases.operations.monitor import run_monitoring

        report, untold = run_monitoring(
            settings, open_lake(settings), now_ms=now_ms, progress=progress
        )
        return MonitorOutcome(
            tuple(check.name for check in report.checks if check.status == "alert"), untold
        )
