"""Events written by hand, as the lake would hold them."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from phantom_core.evaluation.history import History, read_history
from phantom_core.events import schema
from phantom_core.lake.lake import Lake

Event = tuple[int, str, int]
"""session_key, event_name, event_ms"""


def events_table(events: Sequence[Event]) -> pa.Table:
    """Events in the columns of schema.EVENTS; other columns are NULL or plain."""
    rows = [
        {
            "session_key": key,
            "session_id": f"s{key}",
            "event_ms": event_ms,
            "event_id": position,
            "event_name": name,
            "store_mode": "shop",
            "metadata": "{}",
            "load_seq": 1,
            "event_seq": position,
        }
        for position, (key, name, event_ms) in enumerate(events)
    ]
    return pa.Table.from_pylist(rows, schema=schema.EVENTS)


def history_of(lake: Lake, events: Sequence[Event], session_keys: Sequence[int]) -> History:
    """The history of some of the sessions, read from a lake that holds these events."""
    lake.append("events", events_table(events))
    with lake.connect(("events",)) as connection:
        return read_history(connection, np.array(session_keys))
