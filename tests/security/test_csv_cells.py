"""Cells of downloads stay text: no spreadsheet runs what a shopper wrote."""

import ast
import csv
import io
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pytest

from phantom_core.core.csv_file import as_cell, csv_of_frame, csv_of_table, write_table
from phantom_core.core.settings import Settings
from phantom_core.lake.lake import Lake
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.views.data.quarantine import quarantine_view
from tests.conftest import NOW_MS

ROOT: Final = Path(__file__).parents[2]
FORMULAS: Final = (
    "=cmd|'/c calc'!A1",
    "+SUM(A1)",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\r=1",
    " =1",
    '"=1',
    "\ufeff=1",
    "\uff1dcmd",
    "\u2060=1",
    "\u200e\u00ad+1",
    "\u202e@SUM(1)",
)
# Text, and what the writers make of it.
BEHIND_SEPARATORS: Final = {
    "x;=cmd": "x;'=cmd",
    "a; \u200b-1;b": "a;' \u200b-1;b",
    "a|@x\t+y": "a|'@x\t'+y",
    "=a;=b": "'=a;'=b",
    "\t=1": "'\t'=1",
}
PLAIN: Final = ("s-1", "-4.5", "+3", "-1e-5", "12 %", "2026-01-01", "a=b", "-", "")


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_gets_an_apostrophe_from_both_writers(formula: str) -> None:
    by_arrow = csv_of_table(pa.table({"session_id": [formula, None]})).decode()
    by_pandas = csv_of_frame(pd.DataFrame({"session_id": [formula]})).decode()
    for written in (by_arrow, by_pandas):
        rows = list(csv.reader(io.StringIO(written, newline="")))
        assert rows[1] == [f"'{formula}"]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_texts_and_numbers_stay_as_they_are(text: str) -> None:
    assert as_cell(text) == text
    rows = list(csv.reader(io.StringIO(csv_of_table(pa.table({"a": [text], "n": [1]})).decode())))
    assert rows[1] == [text, "1"]


def test_headers_categories_and_numbers() -> None:
    table = pa.table(
        {
            "=head": pa.array(["=x", "y"]).dictionary_encode(),
            "price": [-1.5, 2.0],
        }
    )
    assert csv_of_table(table).decode() == '"\'=head","price"\n"\'=x",-1.5\n"y",2\n'
    frame = pd.DataFrame({"=head": pd.Categorical(["=x"]), "price": [-1.5], "any": [None]})
    assert csv_of_frame(frame).decode() == '"\'=head","price","any"\n"\'=x",-1.5,""\n'


@pytest.mark.parametrize("text", BEHIND_SEPARATORS)
def test_a_formula_behind_another_programs_separator_gets_one_too(text: str) -> None:
    by_arrow = csv_of_table(pa.table({"a": [text]})).decode()
    by_pandas = csv_of_frame(pd.DataFrame({"a": [text]})).decode()
    for written in (by_arrow, by_pandas):
        rows = list(csv.reader(io.StringIO(written, newline="")))
        assert rows[1] == [BEHIND_SEPARATORS[text]]


def test_rejected_rows_of_a_shopper_hold_no_formula(tmp_path: Path) -> None:
    clicks = tmp_path / "clicks.jsonl"
    clicks.write_text(
        '{"sessionId": "=cmd|\'/c calc\'!A1", "ts": "soon", "eventName": "search"}\n=1+1\n'
    )
    ingest_files(Settings(workspace=tmp_path / "w"), [clicks], now_ms=NOW_MS)
    view = quarantine_view(Lake(tmp_path / "w" / "lake"))
    assert view.n_all == 2
    view.write_csv(tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["raw"][:1] for row in rows] == ["{", "'"]


def test_a_parquet_download_keeps_the_bare_value(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    write_table(pa.table({"a": ["=1"]}), tmp_path / "a.parquet")
    assert pq.read_table(tmp_path / "a.parquet")["a"].to_pylist() == ["=1"]


def test_nothing_else_writes_csv() -> None:
    writers = {"to_csv", "write_csv", "DictWriter", "CSVWriter", "writer", "sink_csv"}
    found = set[str]()
    for folder in ("phantom_core", "phantom", "ui", "pages"):
        for file in (ROOT / folder).rglob("*.py"):
            text = file.read_text()
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    owner = ast.unparse(node.func.value)
                    if node.func.attr in writers and owner != "view":
                        found.add(str(file.relative_to(ROOT)))
            if "FORMAT csv" in text:
                found.add(str(file.relative_to(ROOT)))
    assert found == {"phantom_core/core/csv_file.py"}
