"""The feature store: features of all sessions on disk, refreshed where new events touch them.

A build is a set of Parquet files named by `built.json`, which is replaced atomically: readers never
wait and never see half a build. The base holds every session once; a patch holds those that changed
since, and goes before the base.
"""

import json
import os
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.core.progress import Progress, no_progress
from phantom_core.features import aggregate, catalogue
from phantom_core.features.build import event_rows, feature_connection, session_tables, sessions_of
from phantom_core.features.ranges import MOST_EVENTS_PER_RANGE
from phantom_core.lake.lake import Lake

ATTRIBUTES: Final = (
    "session_id",
    "session_key",
    "experiment_id",
    "store_mode",
    "family",
    "start_ms",
    "end_ms",
)
COLUMNS: Final = (*ATTRIBUTES, *catalogue.feature_names(), "is_agent", *aggregate.OUTCOMES)
# A larger patch is merged into the base: every refresh rewrites the patch, every read looks it up.
LARGEST_PATCH_SHARE: Final = 0.1
VERSION: Final = "lake_version"
READ_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class RefreshReport:
    """What a refresh did.

    Attributes:
        sessions: sessions in the store, count.
        events: events they are made of, count.
        rebuilt_sessions: sessions computed again, count.
        seconds: wall time, s.
        lake_version: version of the events the store now stands for.
    """

    sessions: int
    events: int
    rebuilt_sessions: int
    seconds: float
    lake_version: int


@dataclass(frozen=True, slots=True)
class Build:
    """A build of the store, as stored in built.json.

    Attributes:
        sql_hash: of the SQL that computed it.
        lake_version: of the events it was computed from.
        sources: names of the event files it was computed from.
        base: its own files that hold every session.
        patch: its own file of sessions that changed since; at most one.
        replaced: files of the build before, left for readers that have just opened it.
    """

    sql_hash: str
    lake_version: int
    sources: tuple[str, ...]
    base: tuple[str, ...]
    patch: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventFiles:
    """The lake's events as they stand.

    Attributes:
        version: of the table; -1 before its first load.
        files: paths of its data files by name.
    """

    version: int
    files: Mapping[str, str]

    def without(self, names: Collection[str]) -> list[str]:
        """Paths of the files that have other names."""
        return [path for name, path in self.files.items() if name not in names]


def version_of(matrix: pa.Table) -> int:
    """Version of the events that a matrix stands for."""
    return int(matrix.schema.metadata[VERSION.encode()])


class FeatureStore:
    """Features of all sessions of one lake.

    Args:
        lake: where the events are; the store lives in its folder `features`.
    """

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.root = lake.root / "features"

    def refresh(self, progress: Progress = no_progress) -> RefreshReport:
        """Bring the store up to date with the lake; recompute only sessions that new events touch.

        Args:
            progress: called after every step.
        Returns:
            What was done.
        Raises:
            CancelledError: progress cancelled; the store is unchanged.
        """
        started = time.perf_counter()
        self.root.mkdir(parents=True, exist_ok=True)
        with FileLock(self.root / ".lock"):
            events, before = self._events(), self._build()
            with feature_connection(threads=os.cpu_count() or 1) as connection:
                if before and _can_patch(before, events):
                    build, n_rebuilt = self._patched(connection, before, events, progress)
                else:
                    build, n_rebuilt = self._full(events, progress)
                if build != before:
                    self._switch(build, before)
                counts = (
                    "SELECT COUNT(*), CAST(COALESCE(SUM(total_interactions), 0) AS BIGINT) "
                    f"FROM ({self._newest(build)})"
                )
                [(n_sessions, n_events)] = connection.sql(counts).fetchall()
        return RefreshReport(
            n_sessions, n_events, n_rebuilt, time.perf_counter() - started, events.version
        )

    def forget_replaced(self) -> None:
        """Delete the files of the build before, which readers may still be reading."""
        with FileLock(self.root / ".lock"):
            build = self._build()
            if build is not None:
                self._switch(build, None)

    def matrix(self) -> pa.Table:
        """One row per session with the columns of COLUMNS and current labels, by session_key.

        `version_of` gives the version of the events behind the rows, also when another process has
        refreshed the store meanwhile.

        Raises:
            DataError: the store was never built.
        """
        for _ in range(READ_ATTEMPTS):
            build = self._build()
            if build is None:
                raise DataError("Features have not been computed yet.", hint="Refresh them first.")
            try:
                return self._labelled(build)
            except duckdb.IOException:
                continue  # another process has replaced these files since: read its build
        raise DataError(
            "The feature files cannot be read.",
            hint=f"Delete {self.root} and refresh the features.",
        )

    def _full(self, events: EventFiles, progress: Progress) -> tuple[Build, int]:
        """Compute every session."""
        base, n_sessions = [], 0
        for share, table in session_tables(tuple(events.files.values())):
            base.append(self._write(table))
            n_sessions += table.num_rows
            progress(share, f"features of {n_sessions:,} sessions")
        return Build(
            aggregate.sql_hash(), events.version, tuple(events.files), tuple(base)
        ), n_sessions

    def _patched(
        self,
        connection: duckdb.DuckDBPyConnection,
        before: Build,
        events: EventFiles,
        progress: Progress,
    ) -> tuple[Build, int]:
        """Compute the sessions that have events in files the build before has not seen."""
        build = replace(before, lake_version=events.version, sources=tuple(events.files))
        added = events.without(before.sources)
        if not added:
            return build, 0
        progress(0, "sessions that changed")
        connection.execute(f"CREATE TABLE added AS {event_rows(added)}")
        connection.execute(
            f"CREATE TABLE known AS SELECT session_key FROM ({self._newest(before)}) SEMI JOIN "
            "added USING (session_key)"
        )
        seen = [events.files[name] for name in before.sources]
        earlier = f"{event_rows(seen)} WHERE session_key IN (SELECT session_key FROM known)"
        connection.execute(
            f"CREATE TABLE changed_events AS SELECT * FROM added UNION ALL {earlier}"
        )
        changed = sessions_of(connection, "FROM changed_events")
        progress(0.9, f"features of {changed.num_rows:,} sessions")
        connection.register("changed", changed)
        unchanged = (
            f"{_scan(self._paths(before.patch))} ANTI JOIN changed USING (session_key) UNION ALL "
            if before.patch
            else ""
        )
        patch = connection.sql(
            f"{unchanged}SELECT * FROM changed ORDER BY session_key"
        ).to_arrow_table()
        build = replace(build, patch=(self._write(patch),))
        n_base = sum(pq.read_metadata(path).num_rows for path in self._paths(build.base))
        if patch.num_rows <= LARGEST_PATCH_SHARE * n_base:
            return build, changed.num_rows
        sessions = connection.sql(
            f"SELECT * FROM ({self._newest(build)}) ORDER BY session_key"
        ).to_arrow_table()
        return replace(build, base=(self._write(sessions),), patch=()), changed.num_rows

    def _labelled(self, build: Build) -> pa.Table:
        with self.lake.connect(("experiments", "session_labels")) as connection:
            connection.execute(f"CREATE VIEW sessions AS {self._newest(build)}")
            rows = connection.sql(
                f"WITH labels AS ({aggregate.feature_sql('labels')}) SELECT {', '.join(COLUMNS)} "
                "FROM sessions JOIN labels USING (session_key) ORDER BY session_key"
            ).to_arrow_table()
        return rows.replace_schema_metadata({VERSION: str(build.lake_version)})

    def _newest(self, build: Build) -> str:
        """SQL for every session as it is in the patch, else in the base."""
        base, patch = _scan(self._paths(build.base)), _scan(self._paths(build.patch))
        return (
            f"{base} ANTI JOIN ({patch}) AS patch USING (session_key) UNION ALL {patch}"
            if build.patch
            else base
        )

    def _write(self, sessions: pa.Table) -> str:
        """Write sessions to a new file; returns its name."""
        name = f"part-{uuid.uuid4().hex}.parquet"
        pq.write_table(sessions, self.root / name, compression="zstd")
        return name

    def _events(self) -> EventFiles:
        version = self.lake.version("events")
        files = self.lake.files("events", version) if version >= 0 else []
        return EventFiles(version, {Path(file).name: file for file in files})

    def _build(self) -> Build | None:
        """The current build; None before the first, or when another PHANTOM version wrote it."""
        try:
            return TypeAdapter(Build).validate_json((self.root / "built.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def _switch(self, build: Build, before: Build | None) -> None:
        """Publish a build, and delete files that neither it nor the build before needs."""
        replaced = (
            tuple(sorted({*before.base, *before.patch} - {*build.base, *build.patch}))
            if before
            else ()
        )
        build = replace(build, replaced=replaced)
        temporary = self.root / "built.json.new"
        temporary.write_text(json.dumps(asdict(build)), encoding="utf-8")
        temporary.replace(self.root / "built.json")
        for file in self.root.glob("part-*.parquet"):
            if file.name not in (*build.base, *build.patch, *build.replaced):
                file.unlink()

    def _paths(self, names: Iterable[str]) -> list[str]:
        return [str(self.root / name) for name in names]


def _can_patch(before: Build, events: EventFiles) -> bool:
    """Whether definitions and old events are unchanged, and new events fit in one range."""
    same = before.sql_hash == aggregate.sql_hash() and set(before.sources) <= set(events.files)
    return (
        same
        and sum(pq.read_metadata(path).num_rows for path in events.without(before.sources))
        <= MOST_EVENTS_PER_RANGE
    )


def _scan(files: Iterable[str]) -> str:
    """SQL for all rows of Parquet files."""
    names = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    return f"SELECT * FROM read_parquet([{names}])"
