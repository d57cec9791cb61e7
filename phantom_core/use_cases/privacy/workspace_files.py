"""Workspace files: find and remove ids in files that no table describes.

Text loses the lines that hold an id, JSON the entries, Parquet the rows; compressed text is
compressed again. A file that cannot be rewritten is removed if it was uploaded, else reported.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from pyarrow.lib import ArrowException

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.model_store.result_store import replace_table
from phantom_core.model_store.store import MANIFEST, note_erased, replace_file
from phantom_core.use_cases.privacy.personal_data import PersonalData

_PARQUET: Final = b"PAR1"
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_BATCH_ROWS: Final = 50_000
_ERASED_TEXT: Final = "erased"
_NOT_TEXT: Final = b"\x00"


@dataclass(frozen=True, slots=True)
class ErasedFile:
    """What was done to a file.

    Attributes:
        path: relative to the workspace.
        outcome: rewritten, removed, or left as it cannot be rewritten.
        n_removed: rows, lines or entries that are gone; 0 for a removed file.
    """

    path: str
    outcome: str
    n_removed: int


@requires(Permission.PRIVACY)
def erase_files(settings: Settings, data: PersonalData) -> Iterator[ErasedFile]:
    """Remove the ids from every file of the workspace that is no table, segment or database."""
    for path in list(workspace_files(settings)):
        with suppress(FileNotFoundError):
            outcome = _erase_file(settings, path, data)
            if outcome is not None:
                name, n_removed = outcome
                yield ErasedFile(str(path.relative_to(settings.workspace)), name, n_removed)


@requires(Permission.PRIVACY)
def workspace_files(settings: Settings) -> Iterator[Path]:
    """Files of the workspace that no other step of an erasure or export looks at."""
    paths = settings.paths
    skipped = (
        paths.lake,
        paths.inbox,
        paths.decisions,
        paths.signing_key.parent,
        paths.erased.parent,
        paths.embedded_data.parent,
    )
    for path in sorted(settings.workspace.rglob("*")):
        is_own = any(folder in path.parents for folder in skipped)
        is_control = path.name.startswith((paths.control_database.name, "audit-anchor"))
        if path.is_file() and not is_own and not is_control and path.suffix != ".lock":
            yield path


@requires(Permission.PRIVACY)
def lines_about(path: Path, data: PersonalData) -> list[str]:
    """Lines, entries or rows of a file that hold one of the ids, as text."""
    content = _unpacked(path.read_bytes())
    if content is None:
        return []
    if content.startswith(_PARQUET):
        with suppress(ArrowException, OSError):
            return [json.dumps(row, default=str) for row in _rows_about(path, data)]
        return []
    return [
        line.decode(errors="replace") for line in content.splitlines() if data.pattern.search(line)
    ]


def _erase_file(settings: Settings, path: Path, data: PersonalData) -> tuple[str, int] | None:
    raw = path.read_bytes()
    content = _unpacked(raw)
    is_upload = settings.paths.uploads in path.parents
    if content is None:
        return _give_up(path, is_upload) if data.is_in(raw) else None
    if content.startswith(_PARQUET):
        n_removed = _erase_rows(path, data)
    elif not data.is_in(content):
        return None
    elif _NOT_TEXT in content[:4_096]:
        return _give_up(path, is_upload)
    elif content.lstrip()[:1] in (b"{", b"[") and (found := _parsed(content)) is not None:
        return _erase_json(path, raw, found, data)
    else:
        lines = content.splitlines(keepends=True)
        left = [line for line in lines if not data.pattern.search(line)]
        n_removed = len(lines) - len(left)
        _replace(path, raw, b"".join(left))
    if n_removed:
        _correct_manifest(path)
    return ("rewritten", n_removed) if n_removed else None


def _give_up(path: Path, is_upload: bool) -> tuple[str, int]:
    if not is_upload:
        return "left", 0
    path.unlink()
    return "removed", 0


def _unpacked(raw: bytes) -> bytes | None:
    """Content of a file, decompressed where it is; None where that fails."""
    try:
        if raw.startswith(_GZIP):
            return gzip.decompress(raw)
        if raw.startswith(_ZSTD):
            return zstandard.ZstdDecompressor().stream_reader(raw).read()
    except (OSError, EOFError, zstandard.ZstdError):
        return None
    return raw


def _replace(path: Path, raw: bytes, content: bytes) -> None:
    if raw.startswith(_GZIP):
        content = gzip.compress(content)
    elif raw.startswith(_ZSTD):
        content = zstandard.ZstdCompressor().compress(content)
    replace_file(path, content)


def _parsed(content: bytes) -> Any:  # noqa: ANN401 - whatever a document holds
    try:
        return json.loads(content)
    except ValueError:  # lines of JSON, or broken
        return None


def _erase_json(path: Path, raw: bytes, found: object, data: PersonalData) -> tuple[str, int]:
    if isinstance(found, dict) and any(data.is_one(value) for value in found.values()):
        path.unlink()  # the whole document is about it
        return "removed", 0
    n_removed = 0

    def without(value: Any) -> Any:  # noqa: ANN401 - whatever a document holds
        nonlocal n_removed
        if isinstance(value, list):
            left = [one for one in value if not _is_about(one, data)]
            n_removed += len(value) - len(left)
            return [without(one) for one in left]
        if isinstance(value, dict):
            kept = {key: one for key, one in value.items() if not data.is_one(key)}
            n_removed += len(value) - len(kept)
            return {key: without(one) for key, one in kept.items()}
        if data.is_one(value):
            n_removed += 1
            return _ERASED_TEXT
        return value

    _replace(path, raw, json.dumps(without(found), ensure_ascii=False, indent=2).encode())
    _correct_manifest(path)
    return "rewritten", n_removed


def _is_about(value: object, data: PersonalData) -> bool:
    if isinstance(value, dict):
        return any(data.is_one(one) for one in value.values())
    if isinstance(value, list):
        return any(data.is_one(one) for one in value)
    return data.is_one(value)


def _hits(batch: pa.RecordBatch, data: PersonalData) -> list[bool]:
    columns: Sequence[Sequence[object]] = [
        batch.column(n).to_pylist()
        for n, field in enumerate(batch.schema)
        if pa.types.is_string(field.type)
        or pa.types.is_large_string(field.type)
        or pa.types.is_dictionary(field.type)
    ]
    if not columns:
        return [False] * batch.num_rows
    return [any(map(data.is_one, row)) for row in zip(*columns, strict=True)]


def _rows_about(path: Path, data: PersonalData) -> Iterator[dict[str, object]]:
    for batch in pq.ParquetFile(path).iter_batches(_BATCH_ROWS):
        yield from batch.filter(pa.array(_hits(batch, data))).to_pylist()


def _erase_rows(path: Path, data: PersonalData) -> int:
    try:
        file = pq.ParquetFile(path)
        batches, n_removed = [], 0
        for batch in file.iter_batches(_BATCH_ROWS):
            is_gone = _hits(batch, data)
            n_removed += sum(is_gone)
            batches.append(batch.filter(pa.array([not one for one in is_gone])))
        if n_removed:
            table = pa.Table.from_batches(batches, file.schema_arrow)
            replace_table(path, table, "zstd")
    except ArrowException:
        return 0
    return n_removed


def _correct_manifest(path: Path) -> None:
    """Where a file of a saved model was rewritten, note its new hash beside the manifest."""
    manifest = path.parent / MANIFEST
    if not manifest.exists():
        return
    if path.name in json.loads(manifest.read_bytes()).get("files", {}):
        note_erased(path.parent, path.name)
