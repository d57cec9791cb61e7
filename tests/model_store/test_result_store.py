"""Results are found under the names they were saved by, the newest first."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phantom_core.core.errors import NotFoundError
from phantom_core.model_store.result_store import ResultStore, replace_table


def test_the_one_latest_result_replaces_the_one_before(tmp_path: Path) -> None:
    results = ResultStore(tmp_path / "leakage", "Nothing yet.", "Measure it.")
    with pytest.raises(NotFoundError, match=r"Nothing yet\.") as caught:
        results.read()
    assert caught.value.hint == "Measure it."
    for content in (b"old", b"new"):
        results.save(content)
    assert results.read() == b"new"
    assert [path.name for path in results.folder.iterdir()] == ["latest.json"]


@pytest.mark.parametrize("file", ["*.json", "*/replay.json"])
def test_named_results_are_listed_the_newest_first(tmp_path: Path, file: str) -> None:
    results = ResultStore(tmp_path, file=file)
    assert results.names() == ()
    for name in ("20260102-b", "20260101-a", "20260103.1"):
        results.save(name.encode(), name)
    (tmp_path / ".writing-x.json").touch()
    (tmp_path / "notes.txt").touch()
    assert results.names() == ("20260103.1", "20260102-b", "20260101-a")
    assert [results.read(name).decode() for name in results.names()] == list(results.names())
    assert (tmp_path / file.replace("*", "20260101-a")).is_file()


def test_a_table_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for rows in ([1, 2, 3], [4]):
        replace_table(tmp_path / "rows.parquet", pa.table({"n": rows}))
    assert pq.read_table(tmp_path / "rows.parquet")["n"].to_pylist() == [4]
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]
