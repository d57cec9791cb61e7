"""The feature store: fresh after each load, equal to a full rebuild, whole for every reader."""

import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_core.core.errors import CancelledError, DataError
from phantom_core.events import schema
from phantom_core.features.store import COLUMNS, FeatureStore
from phantom_core.lake.lake import Lake
from tests.examples import examples
from tests.features.events import Event, event, histories, rounded, table

pytestmark = pytest.mark.slow

REFRESH = """
import sys
from pathlib import Path
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake
print(FeatureStore(Lake(Path(sys.argv[1]))).refresh().sessions)
"""


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    """Forty sessions of two events each."""
    lake = Lake(tmp_path)
    add(lake, *(event(time_ms, session_key=key) for key in range(40) for time_ms in (0, 1_000)))
    store = FeatureStore(lake)
    store.refresh()
    return store


def add(lake: Lake, *events: Event) -> None:
    lake.append(
        "events",
        table(events).sort_by(
            [("session_key", "ascending"), ("event_ms", "ascending"), ("event_id", "ascending")]
        ),
    )


def rows(store: FeatureStore) -> list[Event]:
    return rounded(store.matrix().to_pylist())


def rebuilt(store: FeatureStore) -> list[Event]:
    """The matrix after a full rebuild."""
    shutil.rmtree(store.root)
    store.refresh()
    return rows(store)


def test_the_matrix_has_one_row_per_session_with_all_columns(store: FeatureStore) -> None:
    matrix = store.matrix()
    assert tuple(matrix.column_names) == COLUMNS
    assert matrix["session_key"].to_pylist() == list(range(40))
    assert set(matrix["total_interactions"].to_pylist()) == {2}


def test_an_empty_lake_has_an_empty_matrix(tmp_path: Path) -> None:
    store = FeatureStore(Lake(tmp_path))
    report = store.refresh()
    assert (report.sessions, report.events, report.rebuilt_sessions, report.lake_version) == (
        0,
        0,
        0,
        -1,
    )
    assert (store.matrix().num_rows, tuple(store.matrix().column_names)) == (0, COLUMNS)


def test_before_the_first_refresh_there_is_no_matrix(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not been computed"):
        FeatureStore(Lake(tmp_path)).matrix()


def test_a_refresh_without_news_does_nothing(store: FeatureStore) -> None:
    before = (store.root / "built.json").stat().st_mtime_ns
    assert store.refresh().rebuilt_sessions == 0
    assert (store.root / "built.json").stat().st_mtime_ns == before


def test_new_events_rebuild_only_the_sessions_they_touch(store: FeatureStore) -> None:
    add(store.lake, event(9_000, session_key=3), event(9_000, session_key=77))
    report = store.refresh()
    assert (report.sessions, report.events, report.rebuilt_sessions) == (41, 82, 2)
    assert {row["session_key"]: row["total_interactions"] for row in rows(store)} == dict.fromkeys(
        range(40), 2
    ) | {3: 3, 77: 1}


def test_late_events_of_an_old_session_count_at_their_time(store: FeatureStore) -> None:
    add(
        store.lake,
        event(400, "search", session_key=3, event_id=9, user_agent="curl/8"),
        event(-600_000, session_key=3),
    )
    store.refresh()
    row = rows(store)[3]
    assert (
        row["start_ms"],
        row["total_interactions"],
        row["max_velocity_5min"],
        row["min_time_between_events"],
    ) == (-600_000, 4, 3, 0.4)


@examples(8)
@given(loads=st.lists(histories(min_size=1), min_size=2, max_size=4))
def test_refreshing_after_each_load_equals_a_full_rebuild(
    tmp_path_factory: pytest.TempPathFactory, loads: list[list[Event]]
) -> None:
    store = FeatureStore(Lake(tmp_path_factory.mktemp("lake")))
    add(store.lake, *(event(0, session_key=key) for key in range(10, 60)))
    for load in loads:
        add(store.lake, *load)
        store.refresh()
    assert rows(store) == rebuilt(store)


def test_labels_loaded_later_need_no_rebuild(store: FeatureStore) -> None:
    add(
        store.lake,
        event(5_000, session_key=1, experiment_id="x"),
        event(5_000, session_key=2, experiment_id="x"),
    )
    store.refresh()
    assert {row["is_agent"] for row in rows(store)} == {None}
    experiment = [{"experiment_id": "x", "xp_human_only": False}]
    store.lake.upsert(
        "experiments", pa.Table.from_pylist(experiment, schema=schema.EXPERIMENTS), "experiment_id"
    )
    label = [{"session_id": "s2", "is_agent": False, "family": "browser"}]
    store.lake.upsert(
        "session_labels", pa.Table.from_pylist(label, schema=schema.SESSION_LABELS), "session_id"
    )
    assert [(row["is_agent"], row["family"]) for row in rows(store)[:4]] == [
        (None, None),
        (True, None),
        (False, "browser"),
        (None, None),
    ]
    assert store.refresh().rebuilt_sessions == 0


def test_deleted_events_are_forgotten(store: FeatureStore) -> None:
    store.lake.delete("events", "session_key < 30")
    assert store.refresh().sessions == 10
    assert rows(store) == rebuilt(store)


@pytest.mark.parametrize("change", [('"sql_hash": "', '"sql_hash": "0'), ('"base"', '"basis"')])
def test_other_sql_or_another_version_rebuilds_everything(
    store: FeatureStore, change: tuple[str, str]
) -> None:
    built = store.root / "built.json"
    built.write_text(built.read_text().replace(*change))
    assert store.refresh().rebuilt_sessions == 40


def test_a_cancelled_refresh_leaves_the_store_as_it_was(store: FeatureStore) -> None:
    def stop(fraction: float, message: str, values: object = None) -> None:
        raise CancelledError("Stopped.")

    before = rows(store)
    add(store.lake, event(9_000, session_key=3))
    with pytest.raises(CancelledError):
        store.refresh(stop)
    assert rows(store) == before
    assert store.refresh().rebuilt_sessions == 1


def test_progress_grows_to_the_end(store: FeatureStore) -> None:
    fractions: list[float] = []
    shutil.rmtree(store.root)
    store.refresh(lambda fraction, _: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_a_moved_workspace_needs_no_rebuild(
    store: FeatureStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    moved = Lake(tmp_path_factory.mktemp("moved") / "lake")
    shutil.copytree(store.lake.root, moved.root)
    assert FeatureStore(moved).refresh().rebuilt_sessions == 0


def test_many_loads_leave_few_files(store: FeatureStore) -> None:
    for key in range(40, 60):
        add(store.lake, event(0, session_key=key))
        store.refresh()
    assert len(list(store.root.glob("*.parquet"))) <= 4
    assert [row["session_key"] for row in rows(store)] == list(range(60))


def test_deleted_files_are_named(store: FeatureStore) -> None:
    for file in store.root.glob("*.parquet"):
        file.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        store.matrix()


def test_readers_of_the_build_before_still_find_its_files(store: FeatureStore) -> None:
    before = set(store.root.glob("*.parquet"))
    add(store.lake, *(event(0, session_key=key) for key in range(40, 60)))
    store.refresh()
    assert before < set(store.root.glob("*.parquet"))


def test_processes_may_refresh_at_once(store: FeatureStore) -> None:
    add(store.lake, event(9_000, session_key=3), event(0, session_key=90))
    command = [sys.executable, "-c", REFRESH, str(store.lake.root)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[0].strip() for process in processes] == ["41"] * 3
    assert rows(store) == rebuilt(store)
