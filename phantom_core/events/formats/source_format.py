"""Source format: how a kind of event file is recognised and read into batches of numbered rows."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import pyarrow as pa

from phantom_core.core.errors import HeaderError, SourceError
from phantom_core.core.registry import Registry
from phantom_core.events.columns import Columns
from phantom_core.events.compression import FRAMES
from phantom_core.events.text_options import DETECTED, TextOptions

BATCH_ROWS: Final = 50_000
MOST_COLUMNS: Final = 2_000
ROW_NAMES: Final = ("_line", "_problem", "_detail", "_text")


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a source.

    Attributes:
        rows: columns _line, _problem, _detail, _text, and those of the source (`doc` for JSON).
        share_read: share of the file read so far, in [0, 1].
    """

    rows: pa.Table
    share_read: float


class Source(Protocol):
    """One file, open for reading once."""

    columns: Columns

    def batches(self) -> Iterator[Batch]:
        """The rows, in the file's order."""


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A file to open.

    Attributes:
        path: the file; neither missing nor empty.
        encoding: of its text, as detected.
        options: how it is written, as far as a mapping says it.
        max_chars: longest field.
        batch_rows: rows of a batch, at most.
    """

    path: Path
    encoding: str
    max_chars: int
    batch_rows: int = BATCH_ROWS
    options: TextOptions = DETECTED


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """A format of event files.

    Attributes:
        name: of the format.
        title: as shown on pages.
        description: one sentence.
        order: position in lists, lowest first; recognition tries the formats in reverse.
        suffixes: endings of its files, with the dot.
        is_text: a file of text, for which encodings and byte order marks count.
        recognises: whether a file is of this format, by its ending (lower case, without that of a
            compression) and its first bytes.
        open: opens a file.
    """

    name: str
    title: str
    description: str
    order: int
    suffixes: tuple[str, ...]
    is_text: bool
    recognises: Callable[[str, bytes], bool]
    open: Callable[[OpenRequest], Source]


FORMATS: Final[Registry[SourceFormat]] = Registry("file format", "phantom_core.events.formats")


def known_suffixes() -> tuple[str, ...]:
    """Endings of the files that can be read, with the dot."""
    return tuple(suffix for one in FORMATS.all() for suffix in one.suffixes)


def format_list() -> str:
    """The formats as a sentence.

    >>> format_list()
    'CSV, TSV, JSON, JSON Lines (also .gz and .zst) and Parquet, Excel.'
    """
    texts, tables = (
        [one.title for one in FORMATS.all() if one.is_text is is_text] for is_text in (True, False)
    )
    return f"{', '.join(texts)} (also {' and '.join(FRAMES)}) and {', '.join(tables)}."


def check_header(path: Path, header: tuple[str, ...]) -> None:
    """Reject a header that cannot be mapped.

    Raises:
        SourceError: too many columns.
        HeaderError: no column, one without a name, or two of one name.
    """
    if len(header) > MOST_COLUMNS:
        raise SourceError(
            f"'{path.name}' has {len(header):,} columns; at most {MOST_COLUMNS:,} are read.",
            hint="Is the delimiter right? Else export only the columns that matter.",
        )
    folded = Counter(name.casefold() for name in header)
    repeated = sorted({name for name in header if folded[name.casefold()] > 1})
    if not header or repeated or "" in header:
        what = (
            f"repeats {', '.join(map(repr, repeated))}"
            if any(repeated)
            else "has a column without a name"
            if header
            else "has no column"
        )
        raise HeaderError(
            f"The header of '{path.name}' {what}.",
            hint="Every column needs a name of its own, whatever its case.",
        )
