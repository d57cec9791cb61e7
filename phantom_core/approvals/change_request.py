"""Change request: rules on their way to production, as data."""

from dataclasses import dataclass
from typing import Final, Literal

from phantom_core.approvals.states import State
from phantom_core.core.errors import InputError

Policy = Literal["rules", "model"]
Outcome = Literal["approve", "decline"]
LONGEST_TEXT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Request:
    """A change request.

    Attributes:
        request_id: 1, 2, 3, …
        author: login of who proposes it; nobody else edits it.
        name: of the rules.
        rules: the rule set as a JSON document.
        why: what it is for.
        answers: what the author says to open warnings.
        policy: whether rules or the network's optimal mark-up set prices; rules then decide where
            the network cannot.
        share: of the sessions that get it first.
        base_version: what was live when it was written; empty for nothing.
        revision: rises with every edit; decisions hold for one revision.
        needed: approvals wanted.
        evidence: hash of the evidence of this revision; empty before it is submitted.
        starts_ms, expires_ms: UTC milliseconds; 0 for none.
        time_zone: in which they were chosen.
        break_glass: why it was published without approval; empty if it was not.
        break_revision: of which revision; 0 for none.
        scheduled_by: login of who chose its moment.
        version: of its release; empty before it was published.
        live_share: of the sessions that get it now; 0 unless live.
    """

    request_id: int
    state: State
    author: str
    name: str
    rules: str
    why: str
    answers: str
    policy: Policy
    share: float
    base_version: str
    revision: int
    needed: int
    evidence: str
    starts_ms: int
    expires_ms: int
    time_zone: str
    break_glass: str
    break_revision: int
    scheduled_by: str
    version: str
    live_share: float
    created_ms: int
    changed_ms: int

    @property
    def about(self) -> str:
        """What the audit chain calls it."""
        return describe_request(self.request_id)

    @property
    def is_canary(self) -> bool:
        """Whether it is live for a share of the sessions only."""
        return self.state == "live" and self.live_share < 1


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an author writes.

    Attributes:
        name: of the rules.
        rules: the rule set as a JSON document.
        why: what it is for.
        answers: to open warnings.
        policy: rules or model.
        share: of the sessions that get it first, above 0 and up to 1.
        expires_ms: when it ends, UTC milliseconds; 0 for never.
        time_zone: in which that was chosen.
    Raises:
        InputError: a share out of range, no reason, or a text without end.
    """

    name: str
    rules: str
    why: str
    answers: str = ""
    policy: Policy = "rules"
    share: float = 1.0
    expires_ms: int = 0
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(
                f"A share of {self.share} is none.",
                hint="It is above 0 and up to 1; 0.1 is every tenth session.",
            )
        if not self.why.strip():
            raise InputError(
                "Say in a sentence what this change is for.",
                hint="Whoever approves it reads that first.",
            )
        if max(map(len, (self.why, self.answers))) > LONGEST_TEXT:
            raise InputError(f"A reason is at most {LONGEST_TEXT:,} characters long.")


@dataclass(frozen=True, slots=True)
class ReviewDecision:
    """What somebody said of a revision."""

    request_id: int
    revision: int
    who: str
    verdict: Outcome
    comment: str
    at_ms: int


def describe_request(request_id: int) -> str:
    """What the audit chain calls a request.

    >>> describe_request(12)
    'request 12'
    """
    return f"request {request_id}"
