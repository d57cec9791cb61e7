"""Steps computed by NumPy: the relation `steps`, for events that are already in order.

Windows are two fifths of a full build in SQL. Events that lie sorted need none: a subtraction gives
the gaps, and a binary search on one growing clock gives the counts. Of events in one millisecond
only the last has the count that SQL gives all of them; the largest of a session is the same. A
property test holds the two equal (docs/adr/0008-sorted-steps.md).
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from phantom_core.features.relations import WINDOWS_MS, window_column


def sorted_steps(events: pa.Table) -> pa.Table:
    """Gap before each event and events in the windows that end at it.

    Args:
        events: columns scope_key int64 and event_ms int64, without NULL, ordered by both.
    Returns:
        One row per event: scope_key, event_ms, gap_ms (NULL for the first of a scope) and a count
        for each declared window.

    >>> events = pa.table({"scope_key": [1, 1, 2], "event_ms": [0, 300_000, 300_000]})
    >>> sorted_steps(events).select(["gap_ms", "events_in_300000_ms"]).to_pydict()
    {'gap_ms': [None, 300000, None], 'events_in_300000_ms': [1, 2, 1]}
    """
    scope_key, event_ms = step_numbers(events["scope_key"]), step_numbers(events["event_ms"])
    is_same = np.zeros(len(scope_key), dtype=np.bool_)
    np.equal(scope_key[1:], scope_key[:-1], out=is_same[1:])
    gap_ms = np.diff(event_ms, prepend=event_ms[:1])
    # One clock for all scopes, which leaps at each new one: no window reaches back into the scope
    # before.
    clock_ms = np.cumsum(np.where(is_same, gap_ms, max(WINDOWS_MS, default=0) + 1))
    places = np.arange(1, len(clock_ms) + 1)
    steps = events.append_column("gap_ms", _column(gap_ms, is_same))
    for window_ms in WINDOWS_MS:
        steps = steps.append_column(
            window_column(window_ms),
            _column(places - np.searchsorted(clock_ms, clock_ms - window_ms)),
        )
    return steps


def step_numbers(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """An int64 column without NULL as an array, shape (n_rows,); `to_numpy` would import pandas
    first, which takes 0.2 s.
    """
    values: NDArray[np.int64] = np.asarray(np.from_dlpack(column.combine_chunks()), dtype=np.int64)
    return values


def _column(values: NDArray[np.int64], is_valid: NDArray[np.bool_] | None = None) -> pa.Array:
    """The inverse of `numbers`, with NULL where not valid."""
    validity = None if is_valid is None else pa.py_buffer(np.packbits(is_valid, bitorder="little"))
    return pa.Array.from_buffers(pa.int64(), len(values), [validity, pa.py_buffer(values)])
