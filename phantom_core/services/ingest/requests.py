"""Requests: the messages in a body, each as it was sent, so that it means the same as in a file."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import orjson

from phantom_core.events.canonical import FIELD_NAMES, WRAPPER
from phantom_core.events.formats.text_source import LINE_FIELDS
from phantom_core.events.text_rows import MARK_BYTES, TextRow, document_row, json_document_rows


def rows_of_body(body: bytes, max_field_chars: int) -> tuple[list[TextRow], bool]:
    """The messages of a body, with broken ones marked.

    Args:
        body: one JSON object, an array of them, or {"events": [...]}.
        max_field_chars: limit of the length of a field.
    Returns:
        Rows with lines from 0, none for an empty body, and whether it was a batch.
    """
    text = body.decode("utf-8", errors=MARK_BYTES)
    most = LINE_FIELDS * max_field_chars
    whole = _parsed(text)
    if isinstance(whole, dict) and set(whole) == {WRAPPER} and isinstance(whole[WRAPPER], list):
        inner = text[text.index("[") : text.rindex("]") + 1]
        return list(_numbered(json_document_rows(inner, most))), True
    if isinstance(whole, list):
        return list(_numbered(json_document_rows(text, most))), True
    # A body that is not JSON counts as one message: searching it for valid ones would take minutes
    # under attack.
    return [document_row(0, text, most)] if text.strip() else [], False


def number_repeats(rows: Sequence[TextRow]) -> list[TextRow]:
    """Events of one request, where equal ones without an id get one: they are that many events.

    Sent again, the request gives the same ids, so it still counts once.

    >>> [row.cells[0] for row in number_repeats([TextRow(0, ('{"a": 1}',))] * 2)]
    ['{"a": 1}', '{"eventId": "2", "a": 1}']
    """
    seen: Counter[str] = Counter()
    numbered = []
    for row in rows:
        text = row.cells[0] if row.cells else ""
        seen[text] += 1
        repeats = bool(text) and seen[text] > 1
        numbered.append(_with_id(row, str(seen[text])) if repeats else row)
    return numbered


def _with_id(row: TextRow, event_id: str) -> TextRow:
    document = _parsed(row.cells[0])
    if not isinstance(document, dict) or any(
        _is_given(document.get(name)) for name in FIELD_NAMES["client_event_id"]
    ):
        return row
    rest = row.cells[0].lstrip()[1:]
    return TextRow(row.line, (f'{{"eventId": "{event_id}"{", " if document else ""}{rest}',))


def stamp_times(row: TextRow, now_us: int) -> TextRow:
    """A message with a time: its own, or else the server's."""
    document = _parsed(row.cells[0]) if row.cells else None
    if not isinstance(document, dict) or any(
        _is_given(document.get(name)) for name in FIELD_NAMES["ts"]
    ):
        return row
    rest = row.cells[0].lstrip()[1:]
    stamp = datetime.fromtimestamp(now_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    # In front, where it goes before a ts that is null further on.
    return TextRow(row.line, (f'{{"ts": "{stamp}"{", " if document else ""}{rest}',))


def _numbered(rows: Iterator[TextRow]) -> Iterator[TextRow]:
    for place, row in enumerate(rows):
        yield TextRow(place, row.cells, row.problem, row.detail, row.text)


def _is_given(value: object) -> bool:
    return value is not None and (not isinstance(value, str) or bool(value.strip()))


def _parsed(text: str) -> object:
    try:
        return orjson.loads(text)
    except (ValueError, TypeError):  # TypeError: text with bytes that could not be decoded
        return None
