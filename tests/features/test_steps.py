"""Steps: NumPy gives the values of the SQL."""

import pyarrow as pa
import pytest
from hypothesis import given

from phantom_core.features.aggregate import feature_sql
from phantom_core.features.steps import sorted_steps
from tests.examples import examples
from tests.features.events import Event, connect, histories


def ordered(events: list[Event]) -> pa.Table:
    with connect(events) as connection:
        return connection.sql(
            "SELECT session_key AS scope_key, event_ms FROM events ORDER BY ALL"
        ).to_arrow_table()


@pytest.mark.slow
@examples(50)
@given(events=histories())
def test_numpy_and_sql_yield_the_same_pace(events: list[Event]) -> None:
    with connect(events) as connection:
        connection.execute(f"CREATE VIEW scoped_events AS {feature_sql('scope_everything')}")
        connection.execute(f"CREATE VIEW steps AS {feature_sql('steps')}")
        by_sql = connection.sql(f"{feature_sql('pace')} ORDER BY scope_key").fetchall()
        gaps = connection.sql(
            "SELECT scope_key, event_ms, gap_ms FROM steps ORDER BY ALL"
        ).fetchall()
        connection.execute("DROP VIEW steps")
        connection.register("steps", sorted_steps(ordered(events)))
        assert connection.sql(f"{feature_sql('pace')} ORDER BY scope_key").fetchall() == by_sql
        assert (
            connection.sql("SELECT scope_key, event_ms, gap_ms FROM steps ORDER BY ALL").fetchall()
            == gaps
        )


def test_no_window_reaches_into_the_session_before() -> None:
    times = pa.table({"scope_key": [1, 1, 2, 2], "event_ms": [0, 1_780_000_000_000, 0, 10]})
    assert sorted_steps(times)["events_in_300000_ms"].to_pylist() == [1, 1, 1, 2]


def test_nothing_has_no_steps() -> None:
    nothing = pa.table(
        {"scope_key": pa.array([], pa.int64()), "event_ms": pa.array([], pa.int64())}
    )
    assert sorted_steps(nothing).num_rows == 0
