"""Period: which days of the recorded data are used."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

import duckdb

from phantom_core.core.errors import InputError

# Before every event and after every event a lake may hold, UTC milliseconds.
BEGINNING_MS: Final = 0
END_MS: Final = 1 << 52


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time.

    Attributes:
        start_ms: first moment, UTC milliseconds.
        end_ms: first moment after it.
    """

    start_ms: int = BEGINNING_MS
    end_ms: int = END_MS

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the relation `period` that the SQL files read."""
        connection.execute(
            f"CREATE OR REPLACE VIEW period AS SELECT {self.start_ms} AS start_ms, {self.end_ms} "
            "AS end_ms"
        )


def period_of(first: str | None, last: str | None) -> Period:
    """The days from one to another, both included, UTC.

    Args:
        first: ISO date; empty for an open end.
        last: the same.
    Raises:
        InputError: not dates, or in the wrong order.

    >>> period_of("2026-01-05", "2026-01-05")
    Period(start_ms=1767571200000, end_ms=1767657600000)
    """
    start, end = _midnight(first), _midnight(last)
    if start is not None and end is not None and start > end:
        raise InputError(
            f"The period ends on {last}, before it begins on {first}.", hint="Swap the dates."
        )
    return Period(
        BEGINNING_MS if start is None else _ms(start),
        END_MS if end is None else _ms(end + dt.timedelta(days=1)),
    )


def _midnight(day: str | None) -> dt.datetime | None:
    if not day:
        return None
    try:
        return dt.datetime.combine(dt.date.fromisoformat(day), dt.time(), dt.UTC)
    except ValueError:
        raise InputError(f"'{day}' is no date.", hint="Write it as 2026-01-31.") from None


def _ms(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1_000)
