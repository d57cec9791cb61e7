"""Change request: rules proposed for production, as data."""

import json
from dataclasses import dataclass
from typing import Final, Literal

from phantom_core.approvals.ramp import RampStep, ramp_steps
from phantom_core.approvals.states import State
from phantom_core.core.errors import InputError

Policy = Literal["rules", "model"]
Outcome = Literal["approve", "confirm", "decline"]
LONGEST_TEXT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Request:
    """A change request.

    Attributes:
        request_id: 1, 2, 3, …
        author: login of the account that proposes it, which alone may edit it.
        name: of the rules.
        rules: the rule set as a JSON document.
        why: its purpose.
        answers: the author's answers to open warnings.
        policy: whether rules or the network's optimal mark-up set prices; rules then decide where
            the network cannot.
        share: of the sessions in its first release.
        base_version: version that was live when it was written; empty for none.
        revision: number of the edit; decisions are valid for one revision.
        needed: number of required approvals.
        evidence: hash of the evidence of this revision; empty before it is submitted.
        starts_ms, expires_ms: UTC milliseconds; 0 for none.
        time_zone: in which they were chosen.
        break_glass: why it was published without approval; empty if it was not.
        break_revision: of which revision; 0 for none.
        scheduled_by: login of the account that scheduled it.
        version: of its release; empty before it was published.
        live_share: of the sessions that get it now; 0 unless live.
        ramp: the shares to which it may grow after the first one, as `approvals.ramp` stores them.
        top_share: the largest share that its approval covers.
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
    ramp: str = ""
    top_share: float = 0.0

    @property
    def steps(self) -> tuple[RampStep, ...]:
        """The steps of its ramp."""
        return ramp_steps(self.ramp)

    @property
    def about(self) -> str:
        """Its name in the audit chain."""
        return describe_request(self.request_id)

    @property
    def is_canary(self) -> bool:
        """Whether it is live for a share of the sessions only."""
        return self.state == "live" and self.live_share < 1


@dataclass(frozen=True, slots=True)
class Proposal:
    """The part of a change request that its author writes.

    Attributes:
        name: of the rules.
        rules: the rule set as a JSON document.
        why: its purpose.
        answers: to open warnings.
        policy: rules or model.
        share: of the sessions in its first release, above 0 and up to 1.
        expires_ms: when it ends, UTC milliseconds; 0 for never.
        time_zone: in which the end was chosen.
        ramp: of `approvals.ramp.ramp_text`; empty where a larger share needs a new approval.
    Raises:
        InputError: a share out of range, no purpose, or a text that is too long.
    """

    name: str
    rules: str
    why: str
    answers: str = ""
    policy: Policy = "rules"
    share: float = 1.0
    expires_ms: int = 0
    time_zone: str = "UTC"
    ramp: str = ""

    @property
    def top_share(self) -> float:
        """The largest share of the sessions that an approval covers."""
        return max([self.share, *(step.share for step in ramp_steps(self.ramp))])

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(
                f"{self.share} is not a valid share.",
                hint="It is above 0 and up to 1; 0.1 is every tenth session.",
            )
        if not self.why.strip():
            raise InputError(
                "The purpose of this change is missing.",
                hint="State it in a sentence; approvers read it first.",
            )
        if max(map(len, (self.why, self.answers))) > LONGEST_TEXT:
            raise InputError(f"A reason is at most {LONGEST_TEXT:,} characters long.")


@dataclass(frozen=True, slots=True)
class ReviewDecision:
    """An approval, a confirmation of an emergency, or a rejection of a revision.

    Attributes:
        request_id, revision: of what.
        who: login of the account.
        verdict: approve, confirm or decline.
        comment: for everybody.
        at_ms: when, UTC milliseconds.
        accepted: names of the gates whose risk an approval accepts, JSON; empty for none.
    """

    request_id: int
    revision: int
    who: str
    verdict: Outcome
    comment: str
    at_ms: int
    accepted: str = ""

    @property
    def accepted_gates(self) -> tuple[str, ...]:
        """Names of the gates whose risk it accepts."""
        return tuple(json.loads(self.accepted or "[]"))


def describe_request(request_id: int) -> str:
    """Name of a request in the audit chain.

    >>> describe_request(12)
    'request 12'
    """
    return f"request {request_id}"
