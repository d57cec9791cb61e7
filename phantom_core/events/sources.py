"""Sources: files of any supported format as batches of raw rows, each row with its line."""

import csv
import glob
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from phantom_core.core.errors import InputError, SourceError
from phantom_core.events.columns import Columns
from phantom_core.events.compression import FRAMES, open_compressed
from phantom_core.events.text_rows import (
    MARK_BYTES,
    CsvRows,
    Lines,
    TextRow,
    broken_row,
    is_damaged,
    json_document_rows,
    json_line_rows,
)

SUFFIXES: Final = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet")
LINE_FIELDS: Final = 16  # a line may be so many times longer than a field
DELIMITERS: Final = ",\t;|"
BATCH_ROWS: Final = 50_000
ROW_NAMES: Final = ("_line", "_problem", "_detail", "_text")
_FOREIGN: Final = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\x89PNG": "a picture",
    b"SQLite format 3": "an SQLite file",
}
_BOMS: Final = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a source.

    Attributes:
        rows: columns _line, _problem, _detail, _text, and the source's own (for JSON: `doc`).
        share_read: share of the file read so far, in [0, 1].
    """

    rows: pa.Table
    share_read: float


class Source(Protocol):
    """One file, open for reading once."""

    columns: Columns

    def batches(self) -> Iterator[Batch]:
        """The rows, in the file's order."""


def discover_files(path: str | Path, *, outside: Sequence[Path] = ()) -> list[Path]:
    """The files that a path, folder or glob stands for, sorted.

    Args:
        path: a file is taken as it is; folders and globs give files with a known ending that are
            not hidden.
        outside: folders whose files are never meant, such as the lake's own.
    Raises:
        InputError: it stands for nothing.
    """
    try:
        found = (
            [Path(path)]
            if Path(path).is_file()
            else _within(path, [folder.resolve() for folder in outside])
        )
    except (OSError, ValueError) as error:
        raise InputError(f"'{str(path)[:200]}' cannot be looked up: {error}.") from error
    if not found:
        raise InputError(
            f"There is nothing to load at '{path}'.",
            hint=f"Give a file, a folder or a glob of {', '.join(SUFFIXES)}.",
        )
    return found


def _within(path: str | Path, outside: list[Path]) -> list[Path]:
    # pathlib has no absolute globs.
    names = [str(path)] if Path(path).is_dir() else glob.glob(str(path), recursive=True)  # noqa: PTH207
    files = [
        file
        for name in names
        for file in (Path(name).rglob("*") if Path(name).is_dir() else [Path(name)])
    ]
    return sorted({file for file in files if _is_meant(file, outside)})


def _is_meant(file: Path, outside: list[Path]) -> bool:
    hidden = any(part.startswith(".") and part not in (".", "..") for part in file.parts)
    ours = any(folder in file.resolve().parents for folder in outside)
    return file.is_file() and not hidden and not ours and _format(file) in SUFFIXES


def _format(path: Path) -> str:
    return Path(path.stem).suffix.lower() if path.suffix.lower() in FRAMES else path.suffix.lower()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def open_source(
    path: Path,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    max_chars: int = 1 << 20,
) -> Source:
    """Open a file; the format is told by its name, else by its first bytes.

    Raises:
        SourceError: empty, unreadable, or of no known format.
    """
    if not path.is_file():
        raise SourceError(f"There is no file '{path}'.")
    if path.stat().st_size == 0:
        raise SourceError(f"'{path.name}' is empty (0 bytes).", hint="Export it again.")
    start = _first_bytes(path)
    if start.startswith(b"PAR1") or _format(path) == ".parquet":
        return ParquetSource(path)
    kind = next((kind for magic, kind in _FOREIGN.items() if start.startswith(magic)), None)
    if kind:
        raise SourceError(
            f"'{path.name}' is {kind}, not a table of text.",
            hint="Export it as CSV, JSON Lines or Parquet.",
        )
    if not start.strip():
        raise SourceError(f"'{path.name}' holds nothing but blanks.", hint="Export it again.")
    text_encoding = next(
        (name for bom, name in _BOMS.items() if start.startswith(bom)), encoding or "utf-8"
    )
    if _format(path) in (".json", ".jsonl", ".ndjson") or start.lstrip(b"\xef\xbb\xbf \t\r\n")[
        :1
    ] in (b"{", b"["):
        return JsonSource(path, text_encoding, max_chars)
    return CsvSource(path, text_encoding, max_chars, delimiter)


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stored, open_compressed(stored, path) as stream:
            return stream.read1(4_096)
    except OSError as error:
        raise SourceError(
            f"'{path.name}' cannot be decompressed: {error}.",
            hint="Is it complete, and is its ending right?",
        ) from error


class _TextSource:
    """What text formats share: decoding, batching, and a row that says when the file breaks off."""

    def __init__(self, path: Path, encoding: str, max_chars: int) -> None:
        self.path = path
        self.encoding = encoding
        self.max_chars = max_chars

    @contextmanager
    def opened(self) -> Iterator[Lines]:
        """The file's lines, from the first."""
        with self.path.open("rb") as stored, open_compressed(stored, self.path) as stream:
            try:
                text = io.TextIOWrapper(stream, encoding=self.encoding, errors=MARK_BYTES)
            except LookupError as error:
                raise SourceError(
                    f"There is no encoding '{self.encoding}'.", hint="Try utf-8, utf-16 or latin-1."
                ) from error
            n_bytes = max(1, self.path.stat().st_size)
            with text:
                yield Lines(
                    text, LINE_FIELDS * self.max_chars, lambda: min(1.0, stored.tell() / n_bytes)
                )

    def batched(
        self, lines: Lines, rows: Iterator[TextRow], names: tuple[str, ...]
    ) -> Iterator[Batch]:
        """Rows by the batch, at least one; a last row says so if the file broke off."""
        chunk = list(islice(rows, BATCH_ROWS))
        yield Batch(raw_table(chunk, names), lines.share_read())
        while chunk := list(islice(rows, BATCH_ROWS)):
            yield Batch(raw_table(chunk, names), lines.share_read())
        if lines.failure:
            broken_off = broken_row(
                lines.last_line + 1,
                "truncated_file",
                f"The file breaks off here ({lines.failure}).",
                "",
            )
            yield Batch(raw_table([broken_off], names), 1.0)


def raw_table(rows: Sequence[TextRow], names: tuple[str, ...]) -> pa.Table:
    """Rows of text as staging takes them.

    Args:
        rows: as they stand in the source.
        names: of their cells; ("doc",) for JSON.
    """
    nothing = (None,) * len(names)
    cells = list(zip(*(row.cells or nothing for row in rows), strict=True)) or [()] * len(names)
    return pa.table(
        [
            pa.array([row.line for row in rows], pa.int64()),
            *(
                pa.array(
                    [getattr(row, field) if row.problem else None for row in rows], pa.string()
                )
                for field in ("problem", "detail", "text")
            ),
            *(pa.array(column, pa.string()) for column in cells),
        ],
        names=[*ROW_NAMES, *names],
    )


class CsvSource(_TextSource):
    """Delimited text with a header; the delimiter is the one that splits the header most."""

    def __init__(self, path: Path, encoding: str, max_chars: int, delimiter: str | None) -> None:
        super().__init__(path, encoding, max_chars)
        with self.opened() as lines:
            first = lines.take()
            while first is not None and not first[1].strip():
                first = lines.take()
            if first is None:
                raise SourceError(
                    f"'{path.name}' cannot be read: {lines.failure or 'it holds no line'}.",
                    hint="Export it again.",
                )
            if is_damaged(first[1]):
                hint = (
                    'State the encoding in a mapping, for example encoding = "cp1252" for '
                    "Windows exports."
                )
                raise SourceError(
                    f"The header of '{path.name}' holds bytes that are not {encoding}.", hint=hint
                )
            lines.give_back([first])
            self.delimiter = delimiter or _split_best(first[1])
            header = CsvRows(lines, self.delimiter, max_chars).header
        _check_header(path, header)
        self.columns = Columns(header, is_json=False)

    def batches(self) -> Iterator[Batch]:
        """The rows, in the file's order."""
        with self.opened() as lines:
            yield from self.batched(
                lines, iter(CsvRows(lines, self.delimiter, self.max_chars)), self.columns.names
            )


def _split_best(header: str) -> str:
    def n_cells(delimiter: str) -> int:
        try:
            return len(next(csv.reader([header], delimiter=delimiter), []))
        except csv.Error:
            return 0

    return max(DELIMITERS, key=n_cells)


def _check_header(path: Path, header: tuple[str, ...]) -> None:
    folded = [name.casefold() for name in header]
    repeated = sorted({name for name in header if folded.count(name.casefold()) > 1})
    if not header or repeated or "" in header:
        what = (
            f"repeats {', '.join(map(repr, repeated))}"
            if any(repeated)
            else "has a column without a name"
            if header
            else "has no column"
        )
        raise SourceError(
            f"The header of '{path.name}' {what}.",
            hint="Every column needs a name of its own, whatever its case.",
        )


class JsonSource(_TextSource):
    """JSON Lines, a JSON array, or documents one after the other."""

    def __init__(self, path: Path, encoding: str, max_chars: int) -> None:
        super().__init__(path, encoding, max_chars)
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
    return tuple(keys)


class ParquetSource:
    """A Parquet file; a row's line is its number, from 1."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            schema = pq.read_schema(path)
        except (pa.ArrowInvalid, OSError) as error:
            raise SourceError(
                f"'{path.name}' is not a whole Parquet file: {str(error).rstrip('.')}.",
                hint="Export or copy it again.",
            ) from error
        nested = [field.name for field in schema if pa.types.is_nested(field.type)]
        self.columns = Columns(schema.names, is_json=False, nested=nested)
        _check_header(path, tuple(schema.names))

    def batches(self) -> Iterator[Batch]:
        """The rows, in the file's order."""
        with pq.ParquetFile(self.path) as file:
            n_rows, line = max(1, file.metadata.num_rows), 0
            nothing = pa.RecordBatch.from_pylist([], schema=file.schema_arrow)
            for rows in chain([nothing], self._row_groups(file)):
                numbers = pa.array(range(line + 1, line + rows.num_rows + 1), pa.int64())
                fine = pa.nulls(rows.num_rows, pa.string())
                line += rows.num_rows
                columns = [_readable(column) for column in rows.columns]
                yield Batch(
                    pa.table(
                        [numbers, fine, fine, fine, *columns],
                        names=[*ROW_NAMES, *rows.schema.names],
                    ),
                    line / n_rows,
                )

    def _row_groups(self, file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
        try:
            yield from file.iter_batches(BATCH_ROWS)
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"'{self.path.name}' is damaged: {error}.", hint="Export or copy it again."
            ) from error


def _readable(column: pa.Array) -> pa.Array:
    """A column in a type that DuckDB takes."""
    if pa.types.is_float16(column.type):
        return column.cast(pa.float64())
    return column.cast(pa.string()) if pa.types.is_decimal256(column.type) else column
