"""Demo set: generated shoppers, loaded as any file is, and removed with one call."""

import json
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.csv_file import write_table
from phantom_core.core.errors import ConflictError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.core.workspace import WorkspacePaths, make_private_folder
from phantom_core.features.store import FeatureStore
from phantom_core.jobs.jobs import Jobs
from phantom_core.lake.erased import ErasedIds, ErasedKind
from phantom_core.lake.lake import TABLES, Lake, open_lake
from phantom_core.lake.load import finish_interrupted
from phantom_core.shoppers.actors import DAY_MS, START_MS, WINDOW_DAYS
from phantom_core.shoppers.catalogue import product_table
from phantom_core.shoppers.generate import Generated, generate_sessions
from phantom_core.use_cases.data.catalogue import forget_catalogue
from phantom_core.use_cases.data.catalogue_source import read_source
from phantom_core.use_cases.data.ingest import ingest_files

_WEEK_MS: Final = 7 * DAY_MS
_END_MS: Final = START_MS + (WINDOW_DAYS + 1) * DAY_MS  # late sessions end within a day


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What the demo set holds.

    Attributes:
        sessions: generated sessions.
        events: accepted events.
        quotes: accepted quotes.
        seconds: wall time.
    """

    sessions: int
    events: int
    quotes: int
    seconds: float

    def to_json(self) -> dict[str, object]:
        """The report as plain values."""
        return {
            "sessions": self.sessions,
            "events": self.events,
            "quotes": self.quotes,
            "seconds": self.seconds,
        }


@needs_no_permission
def weeks_until(now_ms: int) -> int:
    """Whole weeks by which the demo set is moved so that its last day is of the last seven.

    Args:
        now_ms: UTC milliseconds.

    >>> weeks_until(START_MS), weeks_until(START_MS + 8 * 7 * DAY_MS)
    (0, 1)
    """
    return max(0, now_ms - _END_MS) // _WEEK_MS


@requires(Permission.WORK)
def load_demo(
    settings: Settings, *, now_ms: int, weeks: int = 0, progress: Progress = no_progress
) -> DemoReport:
    """Generate the demo set and load it; a second call adds nothing.

    Args:
        settings: seed, size and workspace.
        now_ms: UTC milliseconds.
        weeks: by which its times are moved, `weeks_until` now; a demo set that is loaded already
            stays where it is.
        progress: called after every step.
    """
    start_s = time.monotonic()
    progress(0.0, "generating shoppers")
    make_private_folder(settings.workspace)
    weeks = _weeks_of(settings.workspace, weeks)
    _mark(settings.workspace, "loading", weeks)
    generated = generate_sessions(settings.demo_sessions, settings.seed, later_ms=weeks * _WEEK_MS)
    files = _write_files(
        _without_erased(generated, settings.workspace), _folder(settings.workspace)
    )
    report = ingest_files(
        settings,
        [files["events"], files["quotes"]],
        now_ms=now_ms,
        experiments=str(files["experiments"]),
        labels=str(files["labels"]),
        catalogue=str(files["catalogue"]),
        progress=part_progress(progress, 0.2, 0.8),
    )
    _mark(settings.workspace, "loaded", weeks)
    progress(0.8, "computing features")
    FeatureStore(open_lake(settings)).refresh(part_progress(progress, 0.8, 1.0))
    accepted = {load.kind: load.accepted for load in report.loads}
    return DemoReport(
        settings.demo_sessions,
        accepted["events"],
        accepted["quotes"],
        round(time.monotonic() - start_s, 3),
    )


@requires(Permission.READ)
def wants_demo(workspace: Path) -> bool:
    """Whether nothing was ever loaded here, nor a demo set removed."""
    lake = Lake(WorkspacePaths(workspace).lake)
    return not WorkspacePaths(workspace).demo_mark.exists() and all(
        lake.version(table) < 0 for table in ("events", "quotes", "loads")
    )


@requires(Permission.READ)
def has_demo(workspace: Path) -> bool:
    """Whether the workspace holds the demo set, or a part of it."""
    return _marked(workspace).get("state") in ("loading", "loaded")


@dataclass(frozen=True, slots=True)
class DemoContents:
    """What removing the demo set would delete, counts.

    Attributes:
        events: of its files.
        quotes: of its files.
        models: saved models of all kinds; 0 where other sessions are loaded too.
    """

    events: int
    quotes: int
    models: int


@requires(Permission.READ)
def demo_contents(settings: Settings) -> DemoContents:
    """Count what removing the demo set would delete."""
    lake, folder = open_lake(settings), _demo_folder(settings)
    numbers, others = _loads(lake, folder)
    if not numbers:
        return DemoContents(0, 0, 0)
    chosen = ", ".join(map(str, numbers))
    with lake.connect(("events", "quotes")) as connection:
        events, quotes = (
            connection.execute(
                f"SELECT COUNT(*) FROM {table} WHERE load_seq IN ({chosen})"
            ).fetchall()[0][0]
            for table in ("events", "quotes")
        )
    models = 0 if others else sum(1 for _ in settings.paths.all_models.glob("*/*/manifest.json"))
    return DemoContents(events, quotes, models)


@requires(Permission.WORK)
def remove_demo(settings: Settings) -> None:
    """Remove the demo set; everything else that was loaded stays.

    Models stay only where other sessions are left that they may have learned from.

    Raises:
        ConflictError: jobs are running, which may read it.
    """
    _require_idle(settings)
    lake = open_lake(settings)
    folder = _demo_folder(settings)
    with lake.lock:
        finish_interrupted(lake)
        numbers, others = _loads(lake, folder)
        for table in ("events", "quotes", "loads"):
            if numbers:
                lake.delete(table, f"load_seq IN ({', '.join(map(str, numbers))})")
        for table, column in (
            ("experiments", "id"),
            ("session_labels", "session"),
            ("catalogue", "product_id"),
        ):
            _delete_keyed(lake, table, _folder(settings.workspace) / f"{table}.csv", column)
    if not read_source(settings).num_rows:
        forget_catalogue(settings, "The demo set was removed.", now_ms=time.time_ns() // 1_000_000)
    if not others:
        shutil.rmtree(settings.paths.all_models, ignore_errors=True)
    shutil.rmtree(_folder(settings.workspace), ignore_errors=True)
    _mark(settings.workspace, "removed")
    FeatureStore(lake).refresh()


def _folder(workspace: Path) -> Path:
    return WorkspacePaths(workspace).demo_files.resolve()


def _demo_folder(settings: Settings) -> Path:
    """Folder that the demo set was loaded from, which may have moved since."""
    return Path(_marked(settings.workspace).get("folder", str(_folder(settings.workspace))))


def _require_idle(settings: Settings) -> None:
    active = Jobs(settings).active()
    if active:
        raise ConflictError(
            f"{len(active)} {'job is' if len(active) == 1 else 'jobs are'} running "
            f"({', '.join(sorted({job.kind.replace('_', ' ') for job in active}))}), which may "
            "read the demo data.",
            hint="Wait for them, or cancel them on the page Jobs.",
        )


def _loads(lake: Lake, folder: Path) -> tuple[list[int], int]:
    """Numbers of the loads of files in a folder, and how many others there are."""
    with lake.connect(("loads",)) as connection:
        rows = connection.execute("SELECT load_seq, file FROM loads").fetchall()
    own = [number for number, file in rows if folder in Path(file).parents]
    return own, len(rows) - len(own)


def _without_erased(generated: Generated, workspace: Path) -> Generated:
    """The demo set without sessions that were erased from this workspace."""
    erased = ErasedIds(workspace)
    if erased.is_empty:
        return generated

    def left(table: pa.Table, column: str, kind: ErasedKind) -> pa.Table:
        names = table[column].to_pylist()
        gone = erased.among(kind, set(names))
        return table.filter(pa.array([name not in gone for name in names], pa.bool_()))

    return replace(
        generated,
        events=left(generated.events, "sessionId", "session"),
        quotes=left(generated.quotes, "sessionId", "session"),
        labels=left(generated.labels, "session", "session"),
        experiments=left(generated.experiments, "id", "experiment"),
    )


def _write_files(generated: Generated, folder: Path) -> dict[str, Path]:
    """Write the demo set as files, such as a shop could have exported."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "events": folder / "events.parquet",
        "quotes": folder / "quotes.parquet",
        "experiments": folder / "experiments.csv",
        "labels": folder / "session_labels.csv",
        "catalogue": folder / "catalogue.csv",
    }
    pq.write_table(generated.events, files["events"])
    pq.write_table(generated.quotes, files["quotes"])
    write_table(generated.experiments, files["experiments"])
    write_table(generated.labels, files["labels"])
    write_table(product_table(), files["catalogue"])
    return files


def _delete_keyed(lake: Lake, table: str, file: Path, column: str) -> None:
    if not file.exists():
        return
    key = TABLES[table].names[0]
    names = pa_csv.read_csv(file).column(column).to_pylist()
    for start in range(0, len(names), 1_000):
        quoted = ", ".join(
            "'" + str(name).replace("'", "''") + "'" for name in names[start : start + 1_000]
        )
        lake.delete(table, f"{key} IN ({quoted})")


def _mark(workspace: Path, state: str, weeks: int = 0) -> None:
    # The folder is stored, since the workspace may be renamed or moved before the demo set is
    # removed.
    mark = {"state": state, "folder": str(_folder(workspace)), "weeks": str(weeks)}
    WorkspacePaths(workspace).demo_mark.write_text(json.dumps(mark), encoding="utf-8")


def _weeks_of(workspace: Path, wanted: int) -> int:
    """Weeks by which the demo set here was moved; those that are wanted where there is none."""
    return int(_marked(workspace).get("weeks", "0")) if has_demo(workspace) else wanted


def _marked(workspace: Path) -> dict[str, str]:
    path = WorkspacePaths(workspace).demo_mark
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}
