"""JSON: a document a line, an array of documents, or documents one after the other."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from phantom_core.events.columns import Columns
from phantom_core.events.formats.source_format import (
    BATCH_ROWS,
    FORMATS,
    MOST_COLUMNS,
    Batch,
    SourceFormat,
)
from phantom_core.events.formats.text_source import LINE_FIELDS, TextSource
from phantom_core.events.text_rows import json_document_rows, json_line_rows

SUFFIXES: Final = (".json", ".jsonl", ".ndjson")


class JsonSource(TextSource):
    """JSON Lines, a JSON array, or documents one after the other."""

    def __init__(
        self, path: Path, encoding: str, max_chars: int, batch_rows: int = BATCH_ROWS
    ) -> None:
        super().__init__(path, encoding, max_chars, batch_rows)
        with self.opened() as lines:
            head = [
                taken[1].strip()
                for taken in (lines.take() for _ in range(100))
                if taken is not None
            ]
        texts = [text for text in head if text]
        opening = sum(text.startswith("{") for text in texts)
        self._is_lines = (
            not texts
            or _is_object(texts[0])
            or (not texts[0].startswith("[") and 2 * opening > len(texts))
        )
        self.columns = Columns(_keys("\n".join(texts)), is_json=True)

    def batches(self) -> Iterator[Batch]:
        """The rows, in the file's order."""
        with self.opened() as lines:
            if self._is_lines:
                yield from self.batched(
                    lines, json_line_rows(lines, LINE_FIELDS * self.max_chars), ("doc",)
                )
            else:
                yield from self.batched(
                    lines, json_document_rows(lines.rest(), LINE_FIELDS * self.max_chars), ("doc",)
                )


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _keys(text: str) -> tuple[str, ...]:
    """Keys of the documents in a text, those of inner objects as `outer.inner`."""
    keys: dict[str, None] = {}
    for row in json_document_rows(text, len(text)):
        document = json.loads(row.cells[0]) if row.cells else None
        for key, value in document.items() if isinstance(document, dict) else ():
            inner = [f"{key}.{name}" for name in value] if isinstance(value, dict) else [key]
            keys.update(dict.fromkeys(inner))
    return tuple(keys)[:MOST_COLUMNS]


def _is_json(suffix: str, start: bytes) -> bool:
    return suffix in SUFFIXES or start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


FORMATS.register(
    SourceFormat(
        name="json",
        title="JSON, JSON Lines",
        description="A document a line, an array of documents, or documents one after the other.",
        order=20,
        suffixes=SUFFIXES,
        is_text=True,
        recognises=_is_json,
        open=lambda file: JsonSource(file.path, file.encoding, file.max_chars, file.batch_rows),
    )
)
