"""Queries over a workspace: their rows, limits, cancellation, saving, and the verb."""

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from phantom_core.cli import app
from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.use_cases.workbench.saved_queries import (
    EXAMPLES,
    delete_query,
    query_names,
    read_query,
    save_query,
)
from phantom_core.views.workbench.query_run import QueryLimits, QueryRun
from phantom_core.views.workbench.workbench import start_query, table_columns
from phantom_core.views.workspace.snapshot import Snapshot, open_snapshot, read_stamp

ENDLESS = "SELECT COUNT(*) FROM range(1000000000000)"


@pytest.fixture(scope="module")
def snapshot(trained: Path) -> Snapshot:
    settings = Settings(workspace=trained)
    return open_snapshot(settings, read_stamp(settings))


@pytest.fixture
def settings(trained: Path) -> Settings:
    return Settings(workspace=trained)


def ended(run: QueryRun) -> QueryRun:
    run.wait(30)
    assert run.state != "running"
    return run


def test_every_example_runs(settings: Settings, snapshot: Snapshot) -> None:
    union = " UNION ALL ".join(f"SELECT COUNT(*) AS n FROM ({sql})" for sql in EXAMPLES.values())
    run = ended(start_query(settings, snapshot, union))
    assert run.problem == ""
    assert run.table is not None
    assert min(run.table["n"].to_pylist()) > 1


def test_sessions_hold_features_and_scores(settings: Settings, snapshot: Snapshot) -> None:
    sql = "SELECT COUNT(*) AS n, COUNT(agent_probability) AS scored FROM sessions"
    run = ended(start_query(settings, snapshot, sql))
    assert run.table is not None
    assert run.table.to_pylist() == [{"n": 300, "scored": 300}]
    columns = table_columns(settings, snapshot)
    assert next(iter(columns)) == "sessions"
    assert columns["events"]["event_ms"] == "BIGINT"


def test_long_results_are_cut_and_say_so(settings: Settings, snapshot: Snapshot) -> None:
    run = ended(start_query(settings, snapshot, "FROM events", QueryLimits(rows=7)))
    assert run.table is not None
    assert (run.table.num_rows, run.is_cut) == (7, True)
    whole = ended(start_query(settings, snapshot, "FROM events LIMIT 7", QueryLimits(rows=7)))
    assert whole.table is not None
    assert (whole.table.num_rows, whole.is_cut) == (7, False)


def test_a_query_ends_at_its_time_and_memory_limits(settings: Settings, snapshot: Snapshot) -> None:
    late = start_query(settings, snapshot, ENDLESS, QueryLimits(seconds=1.0))
    large = start_query(
        settings, snapshot, "SELECT repeat('x', 2000000000)", QueryLimits(memory_mb=100)
    )
    assert "takes longer than 1 s" in ended(late).problem
    assert "memory" in ended(large).problem


def test_a_query_is_cancelled(settings: Settings, snapshot: Snapshot) -> None:
    run = start_query(settings, snapshot, ENDLESS)
    run.cancel()
    start_s = time.monotonic()
    assert ended(run).state == "cancelled"
    assert time.monotonic() - start_s < 5.0


def test_an_error_says_where(settings: Settings, snapshot: Snapshot) -> None:
    run = ended(start_query(settings, snapshot, "SELECT nothing FROM events"))
    assert run.state == "failed"
    assert '"nothing"' in run.problem
    assert "Candidate bindings" in run.problem


def test_queries_are_saved_by_name(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)
    save_query(settings, "My sessions", "FROM sessions")
    assert query_names(settings) == ("My sessions",)
    assert read_query(settings, "My sessions") == "FROM sessions"
    delete_query(settings, "My sessions")
    with pytest.raises(NotFoundError):
        read_query(settings, "My sessions")
    for name in ("../evil", "", " blank", "a/b"):
        with pytest.raises(InputError, match="cannot be the name"):
            save_query(settings, name, "FROM sessions")
    with pytest.raises(InputError, match="only SELECT"):
        save_query(settings, "evil", "DROP VIEW events")


def test_the_verb_prints_rows_and_writes_files(trained: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["sql", "SELECT 1 AS one", "--workspace", str(trained), "--json"])
    assert json.loads(run.stdout) == {"rows": [{"one": 1}], "is_cut": False}
    out = tmp_path / "rows.csv"
    words = ["sql", "SELECT '=1+1' AS cell", "--workspace", str(trained), "--out", str(out)]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert "'=1+1" in out.read_text()
    bad = CliRunner().invoke(app, ["sql", "DROP VIEW events", "--workspace", str(trained)])
    assert bad.exit_code == 1
