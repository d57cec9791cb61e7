"""Day range: the first and last day of a question, each of which may stay open."""

import datetime as dt
from typing import Final

import streamlit as st

from phantom_core.core.errors import InputError
from phantom_core.views.workspace.loaded import data_bounds_ms
from phantom_core.views.workspace.snapshot import Snapshot

Days = tuple[dt.date | None, dt.date | None]
_WIDTH_PX: Final = 150


def choose_days(snapshot: Snapshot, from_key: str, to_key: str) -> Days:
    """Draw both days, bounded by the data, so that the calendar opens where there is some.

    Args:
        snapshot: the data.
        from_key: of the first widget, and in the URL.
        to_key: of the second.
    """
    bounds = data_bounds_ms(snapshot)
    first, last = (_day(bounds[0]), _day(bounds[1])) if bounds else (None, None)
    start = st.date_input(
        "From (UTC)",
        value=None,
        min_value=first,
        max_value=last,
        key=from_key,
        bind="query-params",
        width=_WIDTH_PX,
        help="Empty means the first day of the data.",
    )
    end = st.date_input(
        "To (UTC)",
        value=None,
        min_value=first,
        max_value=last,
        key=to_key,
        bind="query-params",
        width=_WIDTH_PX,
        help="Empty means the last day of the data.",
    )
    return start, end


def iso_days(days: Days) -> tuple[str | None, str | None]:
    """Both days in ISO 8601; None where one is open.

    Raises:
        InputError: the last comes before the first.

    >>> iso_days((dt.date(2026, 2, 9), None))
    ('2026-02-09', None)
    """
    first, last = days
    if first and last and first > last:
        raise InputError(
            f"The range ends on {last}, before it begins on {first}.", hint="Swap the days."
        )
    return (first.isoformat() if first else None), (last.isoformat() if last else None)


def _day(event_ms: int) -> dt.date:
    return dt.datetime.fromtimestamp(event_ms / 1_000, dt.UTC).date()
