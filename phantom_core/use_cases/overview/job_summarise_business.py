"""Job: summarise the business of the last days."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest, PlainReport

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings


@dataclass(frozen=True, slots=True)
class SummarisedBusiness(PlainReport):
    """Length of the period in days, and sessions that began in it."""

    days: int
    sessions: int


class SummariseBusinessRequest(JobRequest):
    """Revenue, leakage and conversion of the last days, beside as many days before.

    Attributes:
        days: length of the period, each of 24 hours.
        reference: price that leakage is measured against.
        seed: of the resamples; None means the installation's.
    """

    kind: ClassVar[str] = "summarise_business"
    title: ClassVar[str] = "Summarise revenue and leakage"
    days: int = 7
    reference: Literal["constant", "clean_quote", "optimal"] = "constant"
    seed: int | None = None

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> SummarisedBusiness:
        """Summarise and save."""
        from phantom_core.use_cases.overview.summarise_business import summarise_business

        found = summarise_business(
            settings,
            now_ms=now_ms,
            n_days=self.days,
            reference=self.reference,
            seed=self.seed,
            progress=progress,
        )
        return SummarisedBusiness(found.n_days, found.sessions)
