"""Ingest: files become rows of the lake, each file whole or not at all, each row accounted for."""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import (
    HeaderError,
    InputError,
    MappingError,
    PhantomError,
    UnavailableError,
)
from phantom_core.core.progress import Progress, ProgressValues, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.events.actors import EXPERIMENT_NAMES, LABEL_NAMES, read_experiments, read_labels
from phantom_core.events.canonical import canonical_mapping
from phantom_core.events.file_start import FileStart
from phantom_core.events.formats.source_format import Source
from phantom_core.events.keyed_rows import (
    KeyedRows,
    Named,
    Names,
    check_columns,
    rows_of_postgres,
    rows_of_source,
)
from phantom_core.events.mapping import Mapping
from phantom_core.events.mapping_detection import TRIED_ROWS, describe_match, detect_mappings
from phantom_core.events.products import PRODUCT_NAMES, read_products
from phantom_core.events.server_paths import is_database
from phantom_core.events.sources import (
    discover_files,
    file_sha256,
    files_left_out,
    open_source,
)
from phantom_core.events.staging import Staging
from phantom_core.events.text_options import DETECTED, TextOptions
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.lake.ledger import Load, new_load
from phantom_core.lake.load import commit_file, commit_keyed
from phantom_core.use_cases.data.allowed_sources import allowed_sources
from phantom_core.use_cases.data.catalogue import CatalogueOutcome, submit_catalogue
from phantom_core.use_cases.data.catalogue_source import is_lake_source
from phantom_core.use_cases.data.load_totals import LoadedFile, LoadTotals

_DAY_S: Final = 86_400
# Kind → accepted column names, and the reader of its rows.
_KEYED: Final[dict[str, tuple[Names, Callable[[Iterator[Named]], KeyedRows]]]] = {
    "experiments": (EXPERIMENT_NAMES, read_experiments),
    "labels": (LABEL_NAMES, read_labels),
    "catalogue": (PRODUCT_NAMES, read_products),
}
# Kinds that can be read from a database, each from a table of that name.
_IN_DATABASES: Final = ("experiments", "catalogue")


@dataclass(frozen=True, slots=True)
class RowsRead(ProgressValues):
    """Progress of a load: rows read so far of the file being read."""

    file: str
    rows: int


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did.

    Attributes:
        loads: one per file that was read.
        failed: file → the sentence that says why it was rejected as a whole.
        lake_version: version of the events table afterwards.
        seconds: wall time.
        left_out: files of the folders and globs whose ending is not known.
        prices: what a load of the catalogue changed in the approved one; None without such a load.
    """

    loads: tuple[Load, ...]
    failed: dict[str, str]
    lake_version: int
    seconds: float
    prices: CatalogueOutcome | None = None
    left_out: tuple[str, ...] = ()

    def totals(self) -> LoadTotals:
        """Totals over event and quote files, then experiments, labels, catalogue and each file."""
        rows = [load for load in self.loads if load.kind in ("events", "quotes")]
        reasons: Counter[str] = sum((Counter(load.quarantined) for load in rows), Counter())
        return LoadTotals(
            read=sum(load.rows_read for load in rows),
            accepted=sum(load.accepted for load in rows),
            duplicates=sum(load.duplicates for load in rows),
            quarantined=dict(reasons),
            experiments=sum(load.accepted for load in self.loads if load.kind == "experiments"),
            labels=sum(load.accepted for load in self.loads if load.kind == "labels"),
            catalogue=sum(load.accepted for load in self.loads if load.kind == "catalogue"),
            files=tuple(map(_file, self.loads)),
            failed=self.failed,
            lake_version=self.lake_version,
            seconds=self.seconds,
            prices_changed=self.prices.changed if self.prices else 0,
            prices_waiting=self.prices.waiting if self.prices else 0,
            left_out=self.left_out,
        )

    def to_json(self) -> dict[str, object]:
        """The totals as one JSON object."""
        return self.totals().to_json()


def _file(load: Load) -> LoadedFile:
    return LoadedFile(
        file=load.file,
        kind=load.kind,
        read=load.rows_read,
        accepted=load.accepted,
        duplicates=load.duplicates,
        quarantined=dict(load.quarantined),
        warnings=load.warnings,
        missing=dict(load.missing),
    )


@requires(Permission.WORK)
def ingest_files(
    settings: Settings,
    paths: Sequence[str | Path],
    *,
    now_ms: int,
    mapping: Mapping | None = None,
    experiments: str | None = None,
    labels: str | None = None,
    catalogue: str | None = None,
    progress: Progress = no_progress,
) -> IngestReport:
    """Load files of events and quotes, who the sessions belong to, and what is sold.

    Args:
        settings: names the workspace and the limits.
        paths: files, folders and globs.
        now_ms: UTC milliseconds.
        mapping: meaning of foreign columns; without one, files must be in the canonical format.
        experiments: a file, or postgresql://… with a table `experiments`.
        labels: a file of session and label.
        catalogue: a file of products, or postgresql://… with a table `catalogue`.
        progress: called after every batch.

    Raises:
        InputError: nothing to load, or the only file to load is invalid.
    """
    keyed = {
        kind: where
        for kind, where in (
            ("experiments", experiments),
            ("labels", labels),
            ("catalogue", catalogue),
        )
        if where
    }
    if not (paths or keyed):
        raise InputError("There is nothing to load.", hint="Name a file, a folder or a glob.")
    start_s = time.monotonic()
    allowed = allowed_sources(settings)
    for where in (*map(str, paths), *keyed.values()):
        if is_database(where):
            allowed.require_database(where)
        else:
            allowed.require_file(where)
    lake = open_lake(settings)
    files, failed = _files(settings, paths, {Path(where).resolve() for where in keyed.values()})
    allowed.require_files(files)
    steps = [*(_file_step(settings, lake, file, mapping, now_ms) for file in files)]
    steps += [_keyed_step(settings, lake, kind, where, now_ms) for kind, where in keyed.items()]
    loads: list[Load] = []
    for number, (name, step) in enumerate(steps):
        try:
            loads.append(
                step(part_progress(progress, number / len(steps), (number + 1) / len(steps)))
            )
        except (InputError, UnavailableError) as error:
            failed[name] = error
    if failed and not loads:
        raise next(iter(failed.values()))
    reasons = {name: str(error) for name, error in failed.items()}
    has_products = any(load.kind == "catalogue" for load in loads)
    prices = (
        submit_catalogue(settings, now_ms=now_ms)
        if has_products and is_lake_source(settings)
        else None
    )
    seconds = round(time.monotonic() - start_s, 3)
    left_out = _left_out(settings, paths)
    return IngestReport(tuple(loads), reasons, lake.version(), seconds, prices, left_out)


Step = tuple[str, Callable[[Progress], Load]]


def _left_out(settings: Settings, paths: Sequence[str | Path]) -> tuple[str, ...]:
    found = (files_left_out(path, outside=_own_folders(settings)) for path in paths)
    return tuple(dict.fromkeys(str(file) for files in found for file in files))


def _own_folders(settings: Settings) -> list[Path]:
    own = settings.paths
    return [own.lake, own.scratch, own.all_models, own.logs]


def _files(
    settings: Settings, paths: Sequence[str | Path], keyed: set[Path]
) -> tuple[list[Path], dict[str, PhantomError]]:
    """Files of events and quotes, each once, without keyed rows; and paths that name none."""
    own = _own_folders(settings)
    files: dict[Path, None] = {}
    failed: dict[str, PhantomError] = {}
    for path in paths:
        try:
            files.update(
                dict.fromkeys(
                    file
                    for file in discover_files(path, outside=own)
                    if file.resolve() not in keyed
                )
            )
        except InputError as error:
            failed[str(path)] = error
    return list(files), failed


def _file_step(
    settings: Settings, lake: Lake, file: Path, mapping: Mapping | None, now_ms: int
) -> Step:
    return str(file), lambda progress: load_file(settings, lake, file, mapping, now_ms, progress)


def _keyed_step(settings: Settings, lake: Lake, kind: str, where: str, now_ms: int) -> Step:
    return _without_password(where), lambda progress: load_keyed(
        settings, lake, kind, where, now_ms, progress
    )


def _without_password(where: str) -> str:
    return where.rsplit("@", maxsplit=1)[-1] if is_database(where) else where


@requires(Permission.WORK)
def load_file(
    settings: Settings,
    lake: Lake,
    path: Path,
    mapping: Mapping | None,
    now_ms: int,
    progress: Progress = no_progress,
) -> Load:
    """Load one file of events or quotes.

    Raises:
        SourceError: the file cannot be read as a whole.
        MappingError: its columns do not fit.
    """
    start_s = time.monotonic()
    allowed_sources(settings).require_file(path)
    source, meaning = _opened(settings, path, mapping, now_ms)
    load = new_load(
        meaning.kind, str(path), file_sha256(path), meaning.name, now_ms, meaning.sha256
    )
    with scratch_folder(lake) as folder:
        staging = Staging(
            folder,
            meaning,
            source.columns,
            now_ms=now_ms,
            future_tolerance_s=settings.loading.future_tolerance_s,
            max_chars=settings.loading.max_field_bytes,
        )
        with staging:
            for batch in source.batches():
                staging.add(batch.rows)
                values = RowsRead(path.name, staging.n_rows)
                progress(
                    0.8 * batch.share_read, f"{path.name}: {staging.n_rows:,} rows read", values
                )
            staging.finish()
            progress(0.8, f"{path.name}: writing")
            return commit_file(
                lake,
                staging.connection,
                replace(load, warnings=tuple(staging.warnings()), missing=staging.missing()),
                lambda: time.monotonic() - start_s,
            )


@requires(Permission.WORK)
def load_keyed(
    settings: Settings,
    lake: Lake,
    kind: str,
    where: str,
    now_ms: int,
    progress: Progress = no_progress,
) -> Load:
    """Load experiments or a catalogue (file or PostgreSQL), or session labels (file).

    Raises:
        SourceError: the file or table cannot be read.
        UnavailableError: the database does not answer.
    """
    start_s = time.monotonic()
    progress(0.0, f"{kind}: reading")
    names, read = _KEYED[kind]
    if not is_database(where):
        allowed_sources(settings).require_file(where)
        source = open_source(Path(where), max_chars=settings.loading.max_field_bytes)
        check_columns(source, names)
        found, digest = read(rows_of_source(source)), file_sha256(Path(where))
    elif kind in _IN_DATABASES:
        allowed_sources(settings).require_database(where)
        found, digest = read(rows_of_postgres(where, kind)), ""
    else:
        raise InputError(
            "Labels come from a file; a database gives experiments.",
            hint="Use --experiments for the database.",
        )
    load = new_load(kind, _without_password(where), digest, "", now_ms)
    return commit_keyed(lake, found, replace(load, seconds=round(time.monotonic() - start_s, 3)))


def _opened(
    settings: Settings, path: Path, mapping: Mapping | None, now_ms: int
) -> tuple[Source, Mapping]:
    """A file and its mapping; of a file without one that needs one, what it looks like is said.

    Raises:
        SourceError: the file cannot be read as a whole.
        MappingError: its columns do not fit.
    """
    max_chars = settings.loading.max_field_bytes
    options = mapping.text_options if mapping else DETECTED
    try:
        source = open_source(path, options=options, max_chars=max_chars)
        return source, mapping or canonical_mapping(source.columns)
    except (MappingError, HeaderError) as error:
        found = detect_mappings(partial(_start, path, max_chars), now_ms) if not mapping else []
        if not found:
            raise
        hint = f"{describe_match(found[0])} Use --mapping {found[0].name}."
        raise MappingError(error.message, hint=hint) from error


def _start(path: Path, max_chars: int, options: TextOptions) -> FileStart:
    source = open_source(path, options=options, max_chars=max_chars, batch_rows=TRIED_ROWS)
    rows = (batch.rows for batch in source.batches() if batch.rows.num_rows)
    return FileStart(source.columns, next(rows, None))


@requires(Permission.WORK)
@contextmanager
def scratch_folder(lake: Lake) -> Iterator[Path]:
    """A temporary folder beside the lake; removes those left by killed processes first."""
    parent = lake.root.parent / "scratch"
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.iterdir():
        if _is_forgotten(left):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        yield Path(folder)


def _is_forgotten(folder: Path) -> bool:
    try:
        return folder.stat().st_mtime < time.time() - _DAY_S
    except FileNotFoundError:  # its owner has just finished
        return False
