"""Job: measure the leakage."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest, OptionalText, PlainReport

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings


@dataclass(frozen=True, slots=True)
class MeasuredLeakage(PlainReport):
    """Purchases analysed, and the name of the recovery rule set."""

    purchases: int
    rules: str


class MeasureLeakageRequest(JobRequest):
    """What agents paid less than a reference price, with intervals.

    Attributes:
        rules: name or file of the recovery rule set.
        rules_text: the same in full; None means it is opened by its name.
        first_day, last_day: UTC, as 2026-01-05; None means no bound.
        seed: of the resamples; None means the installation's.
    """

    kind: ClassVar[str] = "measure_leakage"
    title: ClassVar[str] = "Measure the leakage"
    rules: str = "bands"
    rules_text: OptionalText = None
    first_day: OptionalText = Field(
        default=None, validation_alias="from", serialization_alias="from"
    )
    last_day: OptionalText = Field(default=None, validation_alias="to", serialization_alias="to")
    seed: int | None = None

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> MeasuredLeakage:
        """Measure and save."""
        from phantom_core.replay.period import period_of
        from phantom_core.use_cases.rules.measure_leakage import measure_leakage
        from phantom_core.use_cases.rules.rule_sets import rules_given

        found = measure_leakage(
            settings,
            rules_given(settings, self.rules, self.rules_text),
            now_ms=now_ms,
            period=period_of(self.first_day, self.last_day),
            seed=self.seed,
            progress=progress,
        )
        return MeasuredLeakage(found.purchases, found.rules)
