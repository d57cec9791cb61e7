"""Requests: the messages in a body, each as it was sent, so that it means the same as in a file."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import orjson

from phantom_core.core.errors import TooLargeError
from phantom_core.events.canonical import FIELD_NAMES, WRAPPER
from phantom_core.events.formats.text_source import LINE_FIELDS
from phantom_core.events.text_rows import (
    MARK_BYTES,
    TextRow,
    broken_row,
    document_row,
    json_document_rows,
)
from phantom_core.services.ingest.dump import time_ms


def rows_of_body(body: bytes, max_field_chars: int, most_rows: int) -> tuple[list[TextRow], bool]:
    """The messages of a body, with broken ones marked.

    Args:
        body: one JSON object, an array of them, or {"events": [...]}; other fields beside `events`
            are ignored.
        max_field_chars: limit of the length of a field.
        most_rows: messages of a batch.
    Returns:
        Rows with lines from 0, none for an empty body, and whether it was a batch.
    Raises:
        TooLargeError: more messages than can ever be taken at once.
    """
    text = body.decode("utf-8-sig", errors=MARK_BYTES)
    most = LINE_FIELDS * max_field_chars
    try:
        whole = orjson.loads(text) if text.strip() else None
    except (ValueError, TypeError) as error:
        # A body that is not JSON counts as one message: searching it for valid ones would take
        # minutes under attack.
        return [_broken(text, most, error)], False
    if isinstance(whole, dict) and _is_wrapped(whole):
        return _batch(_inner(text), len(whole[WRAPPER]), most, most_rows), True
    if isinstance(whole, list):
        return _batch(text, len(whole), most, most_rows), True
    return [document_row(0, text, most)] if text.strip() else [], False


def _batch(text: str, n_rows: int, most_chars: int, most_rows: int) -> list[TextRow]:
    if n_rows > most_rows:
        raise TooLargeError(
            f"The batch holds {n_rows:,} events, and no more than {most_rows:,} are taken at once.",
            hint="Send smaller batches.",
        )
    return list(_numbered(json_document_rows(text, most_chars)))


def _broken(text: str, most: int, error: Exception) -> TextRow:
    row = document_row(0, text, most)
    if row.problem:
        return row
    return broken_row(0, "broken_json", f"Not valid JSON: {str(error).partition(':')[0]}.", text)


def _is_wrapped(document: Mapping[str, object]) -> bool:
    return isinstance(document.get(WRAPPER), list) and not any(
        name in document for name in FIELD_NAMES["session_id"]
    )


def _inner(text: str) -> str:
    """The array of a wrapper as it was sent."""
    decoder, found, position = json.JSONDecoder(), "[]", text.index("{") + 1
    while True:
        position = _skip(text, position)
        if text[position] == "}":
            return found
        key, position = decoder.raw_decode(text, position)
        position = _skip(text, position)
        _, stop = decoder.raw_decode(text, position)
        if key == WRAPPER:  # the last of several, as for any other key
            found = text[position:stop]
        position = stop


def _skip(text: str, position: int) -> int:
    while text[position] in " \t\r\n,:":
        position += 1
    return position


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


def receive_times(row: TextRow, now_us: int) -> TextRow:
    """A message with the server's time in place of its own, which stays as `clientTs`."""
    document = orjson.loads(row.cells[0])
    sent = [document.pop(name, None) for name in FIELD_NAMES["ts"]]
    document["clientTs"] = next((one for one in sent if _is_given(one)), None)
    return stamp_times(TextRow(row.line, (orjson.dumps(document).decode(),)), now_us)


def seconds_ahead(row: TextRow, now_us: int) -> float | None:
    """How far the time of a message is ahead of the clock, seconds; None where it is no time."""
    document = _parsed(row.cells[0]) if row.cells else None
    if not isinstance(document, dict):
        return None
    given = (document.get(name) for name in FIELD_NAMES["ts"])
    times = (time_ms(one) for one in given if _is_given(one))
    return next((one / 1e3 - now_us / 1e6 for one in times if one is not None), None)


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
