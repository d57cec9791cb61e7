"""Job: submit a change request."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.errors import NotAllowedError
from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest, PlainReport

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings


@dataclass(frozen=True, slots=True)
class SubmittedRequest(PlainReport):
    """Number and state of the change request, and the hash of its frozen evidence."""

    request: int
    state: str
    evidence: str


class SubmitChangeRequest(JobRequest):
    """Gather the evidence of a draft, freeze it and ask for approval.

    Attributes:
        request: number of the change request.
        who: no longer read, as the author is the account that started the job; kept for rows of
            earlier releases.
    """

    kind: ClassVar[str] = "submit_request"
    title: ClassVar[str] = "Submit a change request"
    is_personal: ClassVar[bool] = True
    request: int
    who: str = ""

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> SubmittedRequest:
        """Refused: a change request is submitted by an account.

        Raises:
            NotAllowedError: always.
        """
        raise NotAllowedError(
            f"No account submits change request {self.request}.",
            hint="Its author submits it on the page Approvals, or with `rules submit`.",
        )

    def run_for(
        self, settings: "Settings", who: str, *, now_ms: int, progress: Progress = no_progress
    ) -> SubmittedRequest:
        """Gather, freeze, submit."""
        from phantom_core.use_cases.approvals.change_requests import submit_request

        found = submit_request(settings, who, self.request, now_ms=now_ms, progress=progress)
        return SubmittedRequest(found.request_id, found.state, found.evidence)
