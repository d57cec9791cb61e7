"""Events small enough to check by hand, and the relations over them."""

from collections.abc import Iterable, Sequence

import duckdb
import pyarrow as pa
from hypothesis import strategies as st

from phantom_core.events import schema
from phantom_core.features.aggregate import feature_sql, features_at
from phantom_core.features.relations import relations

Event = dict[str, object]


def event(event_ms: int, name: str = "page_view", **fields: object) -> Event:
    """One event; session 1 and other columns empty unless given."""
    session = fields.get("session_key", 1)
    defaults = {
        "session_key": 1,
        "session_id": f"s{session}",
        "event_id": event_ms,
        "store_mode": "shop",
        "load_seq": 1,
        "event_seq": 0,
    }
    return {**defaults, "event_ms": event_ms, "event_name": name, **fields}


def table(events: Iterable[Event]) -> pa.Table:
    return pa.Table.from_pylist(list(events), schema=schema.EVENTS)


def connect(events: Iterable[Event]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    connection.register("events", table(events))
    return connection


def features(*events: Event, as_of_ms: int | None = None) -> dict[str, object]:
    """Features of the only session there is."""
    with connect(events) as connection:
        [row] = features_at(connection, as_of_ms).to_pylist()
    return row


def relation(
    connection: duckdb.DuckDBPyConnection, name: str, as_of_ms: int
) -> list[tuple[object, ...]]:
    """Rows of one relation as of a moment, sorted."""
    connection.execute(f"CREATE VIEW scope AS SELECT CAST({as_of_ms} AS BIGINT) AS as_of_ms")
    connection.execute(f"CREATE VIEW scoped_events AS {feature_sql('scope_one_moment')}")
    for one, text in relations().items():
        connection.execute(f"CREATE VIEW {one} AS {text}")
    return sorted(connection.table(name).fetchall(), key=repr)


NAMES = (
    "page_view",
    "click",
    "view_item_page",
    "learn_more_about_item",
    "add_item_to_cart",
    "remove_item",
    "checkout_start",
    "purchase_complete",
    "search",
    "filter_for_date",
    "filter_for_amenities",
    "filter_for_price",
    "sort_change",
    "hover_over_title",
    "hover_over_button",
    "session_start",
)
AGENTS = (
    None,
    "",
    "Mozilla/5.0 Chrome/120.0 Safari/537.36",
    "Mozilla/5.0 Firefox/133.0",
    "curl/8.4.0",
)


@st.composite
def histories(draw: st.DrawFn, min_size: int = 0, min_ms: int = 0) -> list[Event]:
    """Events of up to three sessions, often in one millisecond and near a window's five minutes."""
    times = st.integers(min_ms, min_ms + 5) | st.integers(min_ms, min_ms + 700_000)
    n_events = draw(st.integers(min_size, 12))
    return [
        event(
            draw(times),
            draw(st.sampled_from(NAMES)),
            event_id=draw(st.integers(-(2**63), 2**63 - 1)),
            session_key=draw(st.integers(-1, 1)),
            page=draw(st.sampled_from((None, "/", "/a", "/b"))),
            product_id=draw(st.sampled_from((None, "p", "q"))),
            price_seen=draw(st.sampled_from((None, 1.0, 2.5, 99.99))),
            amount_paid=draw(st.sampled_from((None, 10.0, 20.0))),
            user_agent=draw(st.sampled_from(AGENTS)),
        )
        for _ in range(n_events)
    ]


def rounded(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Rows whose sums may have been added up in another order."""
    return [
        {
            key: float(f"{value:.9g}") if isinstance(value, float) else value
            for key, value in row.items()
        }
        for row in rows
    ]
