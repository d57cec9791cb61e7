"""The validator gives a message the same result as a file load gives the same row."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from phantom_core.events.canonical import message_mapping
from phantom_core.events.formats.text_source import raw_table
from phantom_core.events.mapping import Kind
from phantom_core.events.staging import Staging
from phantom_core.events.text_rows import document_row
from phantom_core.events.validator import Validator
from tests.events.broken_inputs import CASES

NOW_MS = 1_790_000_000_000
GOOD = {"sessionId": " s1 ", "ts": "2026-03-01T10:00:00Z", "eventName": "view"}
DOCUMENTS = [
    json.dumps(GOOD | more)
    for more in (
        {}, {"sessionId": " "}, {"sessionId": None}, {"sessionId": "'; DROP TABLE events; --"},
        {"sessionId": "a\0b"}, {"sessionId": 7},
        {"ts": None}, {"ts": "1994-01-01"}, {"ts": "never"}, {"ts": NOW_MS + 400_000},
        {"ts": 1_772_359_200}, {"eventName": None}, {"eventName": "teleport"},
        {"eventName": "filter_apply", "metadata": {"type": "date"}}, {"eventName": "hover_"},
        {"storeMode": "bar"}, {"metadata": [1]}, {"metadata": "nope"},
        {"metadata": {"price": "x"}}, {"metadata": {"price": -1}}, {"metadata": {"total": 1e13}},
        {"price": -2}, {"price": "", "metadata": {"price": 3}}, {"eventId": "e"},
        {"page": "x" * 2_000}, {"productId": {"a": [1]}},
    )
] + ["", "nope", "[1]", "3", '{"sessionId": "\\ud800"}', "{", '{"a": NaN}']  # fmt: skip
QUOTE = {"sessionId": "s", "ts": "2026-03-01T10:00:00Z", "productId": "p", "price": 3}
QUOTES = [
    json.dumps(QUOTE | more)
    for more in (
        {},
        {"price": None},
        {"price": -1},
        {"price": "x"},
        {"productId": ""},
        {"propensity": 2},
        {"base_price": -1},
        {"storeMode": "x"},
    )
]


def staged(kind: Kind, documents: list[str]) -> list[tuple[object, ...]]:
    mapping, columns = message_mapping(kind)
    rows = [document_row(line, text, 16_000) for line, text in enumerate(documents)]
    with Staging(
        None, mapping, columns, now_ms=NOW_MS, future_tolerance_s=300, max_chars=1_000
    ) as staging:
        staging.add(raw_table(rows, ("doc",)))
        return staging.connection.execute(
            "SELECT session_id, COALESCE(reason, ''), detail FROM staged ORDER BY line"
        ).fetchall()


def validated(kind: Kind, documents: list[str]) -> list[tuple[object, ...]]:
    judge = Validator(kind, future_tolerance_s=300, max_chars=1_000)
    verdicts = judge.validate(
        [document_row(line, text, 16_000) for line, text in enumerate(documents)], NOW_MS
    )
    return [(verdict.session_id, verdict.reason, verdict.detail or None) for verdict in verdicts]


@pytest.mark.parametrize(("kind", "documents"), [("events", DOCUMENTS), ("quotes", QUOTES)])
def test_files_and_messages_are_validated_alike(kind: Kind, documents: list[str]) -> None:
    assert validated(kind, documents) == staged(kind, documents)


def test_many_reasons_occur(tmp_path: Path) -> None:
    assert {reason for _, reason, _ in validated("events", DOCUMENTS)} >= {
        "", "missing_session_id", "missing_timestamp", "bad_timestamp", "future_timestamp",
        "missing_event_name", "unknown_event_name", "unknown_store_mode", "bad_metadata",
        "bad_price", "negative_price", "broken_json", "not_an_object", "field_too_large",
    }  # fmt: skip


def test_broken_lines_of_files_get_the_same_reasons() -> None:
    lines = [
        line
        for case in CASES
        if case.file.endswith(".jsonl") and isinstance(case.content, str)
        for line in case.content.splitlines()
        if line
    ]
    assert validated("events", lines) == staged("events", lines)


def test_a_validator_reads_the_clock_each_time() -> None:
    judge = Validator("events", future_tolerance_s=0, max_chars=1_000)
    row = document_row(0, json.dumps(GOOD), 16_000)
    assert [judge.validate([row], now_ms)[0].reason for now_ms in (0, NOW_MS)] == [
        "future_timestamp",
        "",
    ]
    assert judge.validate([], NOW_MS) == []


def test_few_rows_and_many_are_staged_alike() -> None:
    """Small batches are planned without the optimizer."""
    many = DOCUMENTS * 40
    assert len(many) > 1_000
    assert staged("events", many) == staged("events", DOCUMENTS) * 40


def test_staging_starts_again_with_a_new_clock() -> None:
    mapping, columns = message_mapping("events")
    rows: pa.Table = raw_table([document_row(0, json.dumps(GOOD), 16_000)], ("doc",))
    with Staging(
        None, mapping, columns, now_ms=0, future_tolerance_s=0, max_chars=1_000
    ) as staging:
        for now_ms, reason in ((0, "future_timestamp"), (NOW_MS, None)):
            staging.set_clock(now_ms)
            staging.restart()
            staging.add(rows)
            assert staging.connection.execute("SELECT reason FROM staged").fetchall() == [(reason,)]
