"""The demo set fills an empty workspace, once, and goes without a trace."""

from pathlib import Path

import pytest

from phantom_core.core.errors import ConflictError
from phantom_core.core.settings import Settings
from phantom_core.features.store import FeatureStore
from phantom_core.jobs.jobs import Jobs
from phantom_core.lake.lake import open_lake
from phantom_core.use_cases.data.demo import (
    DemoContents,
    demo_contents,
    has_demo,
    load_demo,
    remove_demo,
    wants_demo,
    weeks_until,
)
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.rules.job_measure_leakage import MeasureLeakageRequest

pytestmark = pytest.mark.slow

NOW_MS = 1_790_000_000_000


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path / "workspace", demo_sessions=200)


def bounds(settings: Settings) -> tuple[int, int]:
    with open_lake(settings).connect() as connection:
        [row] = connection.sql("SELECT MIN(event_ms), MAX(event_ms) FROM events").fetchall()
    return row


def counts(settings: Settings) -> dict[str, int]:
    tables = ("events", "quotes", "experiments", "session_labels", "quarantine", "loads")
    with open_lake(settings).connect() as connection:
        return {
            table: connection.sql(f"SELECT COUNT(*) FROM {table}").fetchall()[0][0]
            for table in tables
        }


def test_an_empty_workspace_wants_the_demo_set_and_gets_it_once(small: Settings) -> None:
    assert wants_demo(small.workspace)
    first = load_demo(small, now_ms=NOW_MS)
    before = counts(small)
    second = load_demo(small, now_ms=NOW_MS)
    assert first.sessions == FeatureStore(open_lake(small)).matrix().num_rows == 200
    assert (second.events, second.quotes) == (0, 0)
    assert {**counts(small), "loads": 0} == {**before, "loads": 0}
    assert before["quarantine"] == 0
    assert has_demo(small.workspace)
    assert not wants_demo(small.workspace)


def test_it_ends_within_the_last_week_and_stays_where_it_was_loaded(small: Settings) -> None:
    day_ms = 86_400_000
    load_demo(small, now_ms=NOW_MS, weeks=weeks_until(NOW_MS))
    before = bounds(small)
    assert 0 <= NOW_MS - before[1] <= 8 * day_ms
    later_ms = NOW_MS + 30 * day_ms
    assert weeks_until(later_ms) > weeks_until(NOW_MS)
    load_demo(small, now_ms=later_ms, weeks=weeks_until(later_ms))
    assert bounds(small) == before


def test_whole_weeks_change_no_feature(tmp_path: Path) -> None:
    found = []
    for weeks in (0, weeks_until(NOW_MS)):
        settings = Settings(workspace=tmp_path / str(weeks), demo_sessions=100)
        load_demo(settings, now_ms=NOW_MS, weeks=weeks)
        found.append(FeatureStore(open_lake(settings)).matrix().sort_by("session_id"))
    moved = [name for name in found[0].column_names if name.endswith("_ms")]
    assert found[0].drop_columns(moved).equals(found[1].drop_columns(moved))


def test_it_is_not_removed_while_a_job_runs_that_may_read_it(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_demo(small, now_ms=NOW_MS)
    monkeypatch.setattr(Jobs, "_spawn", lambda *_: None)  # the job stays queued
    jobs = Jobs(small)
    job = jobs.start(MeasureLeakageRequest())
    before = counts(small)
    with pytest.raises(ConflictError, match=r"1 job is running \(measure leakage\)"):
        remove_demo(small)
    assert counts(small) == before
    jobs.take(job.job_id)
    jobs.fail(job.job_id, ConflictError("Stopped."))
    assert demo_contents(small) == DemoContents(before["events"], before["quotes"], 0)
    remove_demo(small)
    assert not has_demo(small.workspace)


def test_removing_it_leaves_what_else_was_loaded(small: Settings, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("sessionId,ts,eventName\nmine,2026-03-01,search\n")
    load_demo(small, now_ms=NOW_MS)
    ingest_files(small, [own], now_ms=NOW_MS)
    remove_demo(small)
    assert counts(small) == {
        "events": 1,
        "quotes": 0,
        "experiments": 0,
        "session_labels": 0,
        "quarantine": 0,
        "loads": 1,
    }
    assert FeatureStore(open_lake(small)).matrix()["session_id"].to_pylist() == ["mine"]
    assert not has_demo(small.workspace)
    assert not wants_demo(small.workspace)


def test_it_can_be_removed_by_another_name_of_the_workspace(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small.workspace.parent)
    load_demo(small.model_copy(update={"workspace": Path("workspace")}), now_ms=NOW_MS)
    remove_demo(small)
    assert sum(counts(small).values()) == 0


def test_a_half_loaded_demo_set_can_be_removed(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("phantom_core.lake.load.record_load", die)
        load_demo(small, now_ms=NOW_MS)
    assert has_demo(small.workspace)
    remove_demo(small)
    assert sum(counts(small).values()) == 0
