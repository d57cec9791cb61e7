"""Rollout stage: the time for which a canary has had the same share of the sessions."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from phantom_core.approvals.ramp import TOLERANCE
from phantom_core.approvals.releases import PublishedRelease, release_history

_HISTORY: Final = 10_000


@dataclass(frozen=True, slots=True)
class RolloutStage:
    """A canary at one share, since that was last changed.

    Attributes:
        version: of the canary.
        request_id: by which it was approved.
        share: of the sessions, in (0, 1).
        salt: of the hash that assigns sessions to it.
        epochs: of the releases with it, the newest first.
        since_ms: when it began, UTC milliseconds.
        number: 1 for the first stage of the version, then 2, 3, …
        is_largest: whether the version never had a larger share.
    """

    version: str
    request_id: int
    share: float
    salt: str
    epochs: tuple[int, ...]
    since_ms: int
    number: int
    is_largest: bool

    @property
    def epoch(self) -> int:
        """Of what is live."""
        return self.epochs[0]


def current_stage(connection: sa.Connection) -> RolloutStage | None:
    """The stage of the live canary; None where none prices sessions.

    The kill switch and every change of the share end a stage.
    """
    done = [one for one in release_history(connection, newest=_HISTORY) if one.state == "done"]
    if not done or not _is_canary(done[0]):
        return None
    live, of_stage = done[0], list(itertools.takewhile(lambda one: _is_same(one, done[0]), done))
    shares = [one.share for one in done if one.version == live.version]
    return RolloutStage(
        live.version,
        live.request_id,
        live.share,
        live.salt,
        tuple(one.epoch for one in of_stage),
        of_stage[-1].at_ms,
        sum(one.version == live.version for one in _first_of_stages(done)),
        max(shares) <= live.share + TOLERANCE,
    )


def _first_of_stages(done: list[PublishedRelease]) -> Iterator[PublishedRelease]:
    """The first release of every stage, the newest stage first."""
    for one, before in itertools.zip_longest(done, done[1:]):
        if _is_canary(one) and (before is None or not _is_same(before, one)):
            yield one


def _is_canary(one: PublishedRelease) -> bool:
    return bool(one.version) and one.share < 1 and not one.is_killed


def _is_same(one: PublishedRelease, other: PublishedRelease) -> bool:
    return (
        _is_canary(one)
        and (one.version, one.salt, one.stable) == (other.version, other.salt, other.stable)
        and abs(one.share - other.share) <= TOLERANCE
    )
