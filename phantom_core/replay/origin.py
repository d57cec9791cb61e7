"""Origin: who asked for a result, and for which days."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from phantom_core.accounts.actors import current_acting, is_anyone_acting, is_internal
from phantom_core.replay.period import BEGINNING_MS, END_MS, Period

_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a stored result comes from.

    Attributes:
        who: login of the account, or the part of PHANTOM; guests' work is the worker's.
        first_day, last_day: asked for, UTC, as 2026-01-05; empty for no bound.
    """

    who: str = ""
    first_day: str = ""
    last_day: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether all days were asked for."""
        return not self.first_day and not self.last_day

    def is_of(self, reader: str) -> bool:
        """Whether a reader asked for it; those without an account are one reader.

        >>> Origin("@worker").is_of("@guest"), Origin("ana").is_of("@guest")
        (True, False)
        """
        return self.who == reader or (is_internal(self.who) and is_internal(reader))


UNKNOWN: Final = Origin()


def origin_of(period: Period) -> Origin:
    """The origin of what is worked out now, by the current actor.

    >>> origin_of(Period(1_767_571_200_000, 1_767_657_600_000)).last_day
    '2026-01-05'
    """
    who = str(current_acting().actor) if is_anyone_acting() else ""
    first = "" if period.start_ms <= BEGINNING_MS else _day(period.start_ms)
    last = "" if period.end_ms >= END_MS else _day(period.end_ms - _DAY_MS)
    return Origin(who, first, last)


def _day(event_ms: int) -> str:
    return f"{datetime.fromtimestamp(event_ms / 1_000, UTC):%Y-%m-%d}"
