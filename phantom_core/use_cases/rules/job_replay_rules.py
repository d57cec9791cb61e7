"""Job: replay rules on logged sessions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest, OptionalText, PlainReport

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings


@dataclass(frozen=True, slots=True)
class ReplayedRules(PlainReport):
    """Names of both rule sets, and sessions whose price differs."""

    rules: str
    against: str
    changed: int


class ReplayRulesRequest(JobRequest):
    """What rules would have quoted the logged sessions.

    Attributes:
        rules: name or file of a rule set.
        rules_text: the same in full, so that a draft can be replayed; None means it is opened by
            its name.
        against, against_text: the rule set to compare with, the same way.
        first_day, last_day: UTC, as 2026-01-05; None means no bound.
        as_of: whether rules read features as of the quote, or of whole sessions.
        seed: of the resamples; None means the installation's.
    """

    kind: ClassVar[str] = "replay_rules"
    title: ClassVar[str] = "Replay rules"
    rules: str
    rules_text: OptionalText = None
    against: str = "none"
    against_text: OptionalText = None
    first_day: OptionalText = Field(
        default=None, validation_alias="from", serialization_alias="from"
    )
    last_day: OptionalText = Field(default=None, validation_alias="to", serialization_alias="to")
    as_of: Literal["quote", "session end"] = "quote"
    seed: int | None = None

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> ReplayedRules:
        """Replay and save."""
        from phantom_core.replay.period import period_of
        from phantom_core.use_cases.rules.replay_rules import replay_rules
        from phantom_core.use_cases.rules.rule_sets import rules_given

        found = replay_rules(
            settings,
            rules_given(settings, self.rules, self.rules_text),
            rules_given(settings, self.against, self.against_text),
            now_ms=now_ms,
            period=period_of(self.first_day, self.last_day),
            as_of=self.as_of,
            seed=self.seed,
            progress=progress,
        )
        return ReplayedRules(found.rules.name, found.against.name, found.changed)
