"""Rollout guard log: what the guard last found of a live canary, for all processes."""

from dataclasses import dataclass
from typing import Final, Literal

import sqlalchemy as sa

from phantom_core.alerts.watch_log import read_watch_result, store_watch_result
from phantom_core.approvals.releases import PublishedRelease
from phantom_core.core.errors import NotAllowedError

GuardAction = Literal["roll back", "wait", "hold", "advance"]
_WHAT: Final = "rollout"


@dataclass(frozen=True, slots=True)
class GuardResult:
    """The newest result of the guard.

    Attributes:
        epoch: of the release that it looked at.
        action: roll back; wait: for the sessions that the ramp names; hold: until more is known;
            advance.
        reasons: sentences; empty where it advances.
        checked_ms: when, UTC milliseconds.
    """

    epoch: int
    action: GuardAction
    reasons: tuple[str, ...]
    checked_ms: int


def store_guard_result(engine: sa.Engine, result: GuardResult) -> None:
    """Store the newest result."""
    told = (str(result.epoch), result.action, *result.reasons)
    store_watch_result(engine, _WHAT, told, now_ms=result.checked_ms)


def read_guard_result(engine: sa.Engine, epoch: int) -> GuardResult | None:
    """The newest result about a release; None where the guard has not looked at it yet."""
    found = read_watch_result(engine, _WHAT)
    if found is None:
        return None
    stored, action, *reasons = found.problems
    if int(stored) != epoch:
        return None
    return GuardResult(epoch, action, tuple(reasons), found.checked_ms)  # type: ignore[arg-type]


def check_guard(
    live: PublishedRelease, share: float, least_sessions: int, result: GuardResult | None
) -> None:
    """Reject a larger share that the guard speaks against.

    A hold is no such reason: a person who knows more may take a step that was approved, and the
    audit chain says that the guard held it.

    Args:
        live: the current release.
        share: wanted.
        least_sessions: that the step waits for, as approved.
        result: what the guard last found of the release; None where it has not looked.
    Raises:
        NotAllowedError: the guard rolls the canary back, or the step's sessions are not there.
    """
    if share <= live.share:
        return
    if result and result.action == "roll back":
        raise NotAllowedError(
            f"The guard rolls {live.version} back: {' '.join(result.reasons)}",
            hint="Propose other rules.",
        )
    if least_sessions and (result is None or result.action == "wait"):
        found = (
            " ".join(result.reasons)
            if result
            else f"The ramp waits for {least_sessions:,} sessions, which are not counted yet."
        )
        raise NotAllowedError(
            found,
            hint="Wait; `rules guard` counts them, as does the process that drains decisions.",
        )
