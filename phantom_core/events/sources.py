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
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"Obj\x01": "an Avro file",
    b"ORC": "an ORC file",
    b"\xfd7zXZ": "an xz archive",
    b"BZh": "a bzip2 archive",
    b"\x1f\x8b": "a gzip archive without the ending .gz",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive without the ending .zst",
    b"PAR1": "a Parquet file without its end",
}
_HINTS: Final = {
    b"\x1f\x8b": "Add .gz to its name.",
    b"\x28\xb5\x2f\xfd": "Add .zst to its name.",
    b"\xfd7zXZ": "Unpack it first.",
    b"BZh": "Unpack it first.",
    b"PK\x03\x04": "Unpack it, or let its name end in .xlsx if it is a workbook.",
    b"\xd0\xcf\x11\xe0": "Save it as .xlsx or CSV.",
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


def files_left_out(path: str | Path, *, outside: Sequence[Path] = ()) -> list[Path]:
    """Files of a folder or glob that are not loaded because their ending is not known, sorted."""
    if Path(path).is_file():
        return []
    folders = [folder.resolve() for folder in outside]
    return sorted(
        file
        for file in _all_within(path)
        if _is_visible(file, folders) and _suffix(file) not in known_suffixes()
    )


def _within(path: str | Path, outside: list[Path]) -> list[Path]:
    return sorted(
        file
        for file in _all_within(path)
        if _is_visible(file, outside) and _suffix(file) in known_suffixes()
    )


def _all_within(path: str | Path) -> set[Path]:
    # pathlib has no absolute globs.
    names = [str(path)] if Path(path).is_dir() else glob.glob(str(path), recursive=True)  # noqa: PTH207
    return {
        file
        for name in map(Path, names)
        for file in (name.rglob("*") if name.is_dir() else [name])
        # Writers at work name their files and folders like this, and markers such as _SUCCESS.
        if not any(part.startswith("_") for part in file.relative_to(name).parts)
    }


def _is_visible(file: Path, outside: list[Path]) -> bool:
    """Whether a file is neither hidden nor our own."""
    hidden = any(part.startswith(".") and part not in (".", "..") for part in file.parts)
    ours = any(folder in file.resolve().parents for folder in outside)
    return file.is_file() and not hidden and not ours


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
    magic = next((magic for magic in _FOREIGN if start.startswith(magic)), None)
    # Letters alone may begin a header as well.
    if magic and not (magic in (b"ORC", b"BZh") and start[3:5].isalpha()):
        raise SourceError(
            f"'{path.name}' is {_FOREIGN[magic]}, not a table of text.",
            hint=_HINTS.get(magic, "Export it as CSV, JSON Lines or Parquet."),
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
