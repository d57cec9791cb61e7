"""Sources: the files behind a path, folder or glob, each opened in its format."""

import glob
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from phantom_core.core.errors import InputError, SourceError
from phantom_core.events.compression import FRAMES, open_compressed
from phantom_core.events.formats.source_format import (
    BATCH_ROWS,
    FORMATS,
    OpenRequest,
    Source,
    known_suffixes,
)
from phantom_core.events.text_options import DETECTED, TextOptions

_FOREIGN: Final = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\x89PNG": "a picture",
    b"SQLite format 3": "an SQLite file",
}
_BOMS: Final = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def discover_files(path: str | Path, *, outside: Sequence[Path] = ()) -> list[Path]:
    """The files behind a path, folder or glob, sorted.

    Args:
        path: a file is used as it is; folders and globs yield files with a known ending that are
            not hidden.
        outside: folders whose files are left out, such as the lake's own.
    Raises:
        InputError: there is no such file.
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
            hint=f"Give a file, a folder or a glob of {', '.join(known_suffixes())}.",
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
    return sorted({file for file in files if _is_included(file, outside)})


def _is_included(file: Path, outside: list[Path]) -> bool:
    hidden = any(part.startswith(".") and part not in (".", "..") for part in file.parts)
    ours = any(folder in file.resolve().parents for folder in outside)
    return file.is_file() and not hidden and not ours and _suffix(file) in known_suffixes()


def _suffix(path: Path) -> str:
    return Path(path.stem).suffix.lower() if path.suffix.lower() in FRAMES else path.suffix.lower()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def open_source(
    path: Path,
    *,
    options: TextOptions = DETECTED,
    max_chars: int = 1 << 20,
    batch_rows: int = BATCH_ROWS,
) -> Source:
    """Open a file; the format is found by its name, else by its first bytes.

    Args:
        path: the file.
        options: how its text is written; the rest is detected.
        max_chars: longest field.
        batch_rows: rows of a batch, at most.

    Raises:
        SourceError: empty, unreadable, or of no known format.
    """
    if not path.is_file():
        raise SourceError(f"There is no file '{path}'.")
    if path.stat().st_size == 0:
        raise SourceError(f"'{path.name}' is empty (0 bytes).", hint="Export it again.")
    start = _first_bytes(path)
    text_encoding = next(
        (name for bom, name in _BOMS.items() if start.startswith(bom)),
        options.encoding or "utf-8",
    )
    request = OpenRequest(path, text_encoding, max_chars, batch_rows, options)
    found = next(one for one in reversed(FORMATS.all()) if one.recognises(_suffix(path), start))
    if found.is_text:
        _check_text(path, start)
    return found.open(request)


def _check_text(path: Path, start: bytes) -> None:
    kind = next((kind for magic, kind in _FOREIGN.items() if start.startswith(magic)), None)
    if kind:
        raise SourceError(
            f"'{path.name}' is {kind}, not a table of text.",
            hint="Export it as CSV, JSON Lines or Parquet.",
        )
    if not start.strip():
        raise SourceError(f"'{path.name}' contains only blanks.", hint="Export it again.")


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stored, open_compressed(stored, path) as stream:
            return stream.read1(4_096)
    except OSError as error:
        raise SourceError(
            f"'{path.name}' cannot be decompressed: {error}.",
            hint="Is it complete, and is its ending right?",
        ) from error
