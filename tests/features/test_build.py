"""A full build, range by range, equals one statement over all events."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from phantom_core.events import schema
from phantom_core.features.aggregate import features_at
from phantom_core.features.build import session_tables
from phantom_core.features.ranges import FEWEST_EVENTS_TO_SPLIT
from phantom_core.lake.lake import Lake
from tests.features.events import NAMES, rounded

pytestmark = pytest.mark.slow


def random_events(n_events: int, rng: np.random.Generator) -> pa.Table:
    """Events of many sessions in the order of a load."""
    session_key = np.linspace(-(2**63), 2**63 - 2_000, n_events // 8).astype(np.int64)[
        rng.integers(0, n_events // 8, n_events)
    ]
    strings = {name: pa.nulls(n_events, pa.string()) for name in ("experiment_id", "metadata")}
    events = pa.table(
        {
            **strings,
            "session_key": session_key,
            "session_id": pa.array(session_key).cast(pa.string()),
            "event_ms": rng.integers(0, 2_000_000, n_events),
            "event_id": rng.integers(-(2**63), 2**63 - 1, n_events),
            "store_mode": pa.array(["shop"] * n_events),
            "page": pa.array(rng.choice(["/", "/list", "/item"], n_events)),
            "event_name": pa.array(rng.choice(NAMES, n_events)),
            "product_id": pa.array(rng.choice(["a", "b", "c"], n_events)),
            "price_seen": rng.choice([9.99, 20.0, 35.5], n_events),
            "amount_paid": rng.choice([10.0, 20.0], n_events),
            "user_agent": pa.array(rng.choice(["Firefox/133.0", "curl/8.4.0"], n_events)),
            "load_seq": np.ones(n_events, dtype=np.int64),
            "event_seq": np.zeros(n_events, dtype=np.int64),
        }
    )
    return events.sort_by(
        [("session_key", "ascending"), ("event_ms", "ascending"), ("event_id", "ascending")]
    ).select(schema.EVENTS.names)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two loads that overlap, together long enough to be split."""
    lake, rng = Lake(tmp_path_factory.mktemp("lake")), np.random.default_rng(5)
    for n_events in (FEWEST_EVENTS_TO_SPLIT, 30_000):
        lake.append("events", random_events(n_events, rng).cast(schema.EVENTS))
    return lake


def test_ranges_together_equal_one_statement(lake: Lake) -> None:
    built = pa.concat_tables(
        table for _, table in session_tables(lake.files("events"), with_attributes=False)
    ).sort_by("session_key")
    with lake.connect(("events",)) as connection:
        whole = features_at(connection)
    assert built.column_names == whole.column_names
    assert rounded(built.to_pylist()) == rounded(whole.to_pylist())


def test_each_session_is_in_one_range(lake: Lake) -> None:
    keys = [
        set(table["session_key"].to_pylist()) for _, table in session_tables(lake.files("events"))
    ]
    with lake.connect(("events",)) as connection:
        [(n_sessions,)] = connection.sql(
            "SELECT COUNT(DISTINCT session_key) FROM events"
        ).fetchall()
    assert len(set().union(*keys)) == sum(map(len, keys)) == n_sessions


def test_without_files_there_are_no_sessions() -> None:
    [(share, table)] = session_tables([])
    assert (share, table.num_rows) == (1.0, 0)


def test_files_may_have_odd_names(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "it's here")
    lake.append("events", random_events(100, np.random.default_rng(0)).cast(schema.EVENTS))
    assert (
        sum(
            table["total_interactions"].to_numpy().sum()
            for _, table in session_tables(lake.files("events"))
        )
        == 100
    )
