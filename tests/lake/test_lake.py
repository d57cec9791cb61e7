"""The lake: atomic appends by many processes, read by DuckDB."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.events import schema
from phantom_core.lake.lake import TABLES, Lake


def labels(*sessions: str, is_agent: bool = True) -> pa.Table:
    rows = [{"session_id": session, "is_agent": is_agent, "family": None} for session in sessions]
    return pa.Table.from_pylist(rows, schema=schema.SESSION_LABELS)


APPEND_FIVE = """
import sys
from pathlib import Path
import pyarrow as pa
from phantom_core.events.schema import SESSION_LABELS
from phantom_core.lake.lake import Lake
for i in range(5):
    row = {"session_id": f"{sys.argv[2]}-{i}", "is_agent": True, "family": None}
    rows = pa.Table.from_pylist([row], schema=SESSION_LABELS)
    Lake(Path(sys.argv[1])).append("session_labels", rows)
"""


def test_an_empty_lake_has_every_table_without_a_row(tmp_path: Path) -> None:
    with Lake(tmp_path).connect() as connection:
        assert [connection.sql(f"SELECT COUNT(*) FROM {table}").fetchall() for table in TABLES] == [
            [(0,)]
        ] * len(TABLES)
        assert connection.sql("SELECT * FROM events").columns == schema.EVENTS.names
    assert Lake(tmp_path).version() == -1


@pytest.mark.slow
def test_four_processes_append_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    Lake(tmp_path).append("session_labels", labels("first"))
    workers = [
        subprocess.Popen([sys.executable, "-c", APPEND_FIVE, str(tmp_path), str(worker)])
        for worker in range(4)
    ]
    assert [worker.wait() for worker in workers] == [0, 0, 0, 0]
    with Lake(tmp_path).connect() as connection:
        assert connection.sql(
            "SELECT COUNT(DISTINCT session_id) FROM session_labels"
        ).fetchall() == [(21,)]


def test_upsert_replaces_rows_with_the_same_key(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.upsert("session_labels", labels("a", "b"), "session_id")
    lake.upsert("session_labels", labels("a", is_agent=False), "session_id")
    with lake.connect() as connection:
        assert connection.sql(
            "SELECT session_id, is_agent FROM session_labels ORDER BY 1"
        ).fetchall() == [("a", False), ("b", True)]


@pytest.mark.parametrize("folder", ["with space", "it's", "ünï"])
def test_folders_may_have_odd_names(folder: str, tmp_path: Path) -> None:
    lake = Lake(tmp_path / folder / "lake")
    lake.append("session_labels", labels("a"), {"who": "me"})
    assert lake.last_note("session_labels")["who"] == "me"
    with lake.connect() as connection:
        assert connection.sql("SELECT COUNT(*) FROM session_labels").fetchall() == [(1,)]


def test_a_folder_named_like_a_pattern_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"contains \*"):
        Lake(tmp_path / "a*b")


def test_an_unknown_table_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no table 'nope'"):
        Lake(tmp_path).files("nope")
