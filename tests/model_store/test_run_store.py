"""Results stay until their own author has made newer ones."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phantom_core.core.errors import NotFoundError
from phantom_core.model_store.run_store import RunStore


def store(root: Path) -> RunStore:
    return RunStore(root, "result.json", "rows.parquet", 2, "Nothing yet.", "Start it.")


def save(runs: RunStore, at_ms: int, who: str) -> str:
    text = json.dumps({"created_ms": at_ms, "origin": {"who": who}})
    return runs.save(text, pa.table({"at": [at_ms]}))


def test_one_author_pushes_out_nothing_of_another(tmp_path: Path) -> None:
    runs = store(tmp_path)
    first = save(runs, 1, "ana")
    by_bo = [save(runs, at_ms, "bo") for at_ms in (2, 3, 4)]
    assert runs.names() == (by_bo[2], by_bo[1], first)


def test_a_result_is_opened_by_name_with_its_own_rows(tmp_path: Path) -> None:
    runs = store(tmp_path)
    first, second = save(runs, 1, "ana"), save(runs, 2, "bo")
    assert json.loads(runs.text()[0])["created_ms"] == 2
    assert json.loads(runs.text(first)[0])["created_ms"] == 1
    assert pq.read_table(runs.table_file(first))["at"].to_pylist() == [1]
    assert pq.read_table(runs.table_file())["at"].to_pylist() == [2]
    assert list(runs.documents()) == [second, first]


def test_nothing_outside_the_folder_is_opened(tmp_path: Path) -> None:
    runs = store(tmp_path / "runs")
    with pytest.raises(NotFoundError, match="Nothing yet"):
        runs.text()
    save(runs, 1, "ana")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "result.json").write_text("{}")
    with pytest.raises(NotFoundError, match="There is no result 'other'"):
        runs.text("../other")


def test_a_damaged_document_is_listed_empty(tmp_path: Path) -> None:
    runs = store(tmp_path)
    good, bad = save(runs, 1, "ana"), save(runs, 2, "ana")
    (tmp_path / bad / "result.json").write_text("{")
    documents = runs.documents()
    assert list(documents) == [bad, good]
    assert not documents[bad]
