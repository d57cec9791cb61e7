"""Job: audit the labels."""

from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings
    from phantom_core.labelling.audit_report import AuditReport


class AuditLabelsRequest(JobRequest):
    """Find labels that contradict models which did not see them.

    Attributes:
        seed: of everything random; None means the installation's.
    """

    kind: ClassVar[str] = "audit_labels"
    title: ClassVar[str] = "Audit the labels"
    seed: int | None = None

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> "AuditReport":
        """Audit and store the report."""
        from phantom_core.use_cases.labels.audit_labels import audit_session_labels

        return audit_session_labels(settings, now_ms=now_ms, seed=self.seed, progress=progress)
