"""Text source: the decoding, batching and truncation handling that text formats share."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa

from phantom_core.core.errors import SourceError
from phantom_core.events.compression import open_compressed
from phantom_core.events.formats.source_format import BATCH_ROWS, ROW_NAMES, Batch
from phantom_core.events.text_rows import MARK_BYTES, Lines, TextRow, broken_row

BATCH_CHARS: Final = 64 << 20
LINE_FIELDS: Final = 16  # a line may be this many times longer than a field


class TextSource:
    """A file of text: decoded, batched, with a last row that reports a truncated file."""

    def __init__(
        self, path: Path, encoding: str, max_chars: int, batch_rows: int = BATCH_ROWS
    ) -> None:
        self.path = path
        self.encoding = encoding
        self.max_chars = max_chars
        self.batch_rows = batch_rows

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
        """Batches of rows, at least one; a last row reports a truncated file."""
        chunk = self._taken(rows)
        yield Batch(raw_table(chunk, names), lines.share_read())
        while chunk := self._taken(rows):
            yield Batch(raw_table(chunk, names), lines.share_read())
        if lines.failure:
            truncated = broken_row(
                lines.last_line + 1,
                "truncated_file",
                f"The file ends too early here ({lines.failure}).",
                "",
            )
            yield Batch(raw_table([truncated], names), 1.0)

    def _taken(self, rows: Iterator[TextRow]) -> list[TextRow]:
        """The next rows: few where they are long, so that a batch fits into memory."""
        taken: list[TextRow] = []
        n_chars = 0
        for row in islice(rows, self.batch_rows):
            taken.append(row)
            n_chars += sum(map(len, row.cells)) + len(row.text)
            if n_chars > BATCH_CHARS:
                break
        return taken


def raw_table(rows: Sequence[TextRow], names: tuple[str, ...]) -> pa.Table:
    """Rows of text as staging expects them.

    Args:
        rows: in the order of the source.
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
