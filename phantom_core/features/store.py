"""The feature store: the features of all sessions on disk, kept fresh by recomputing only what new events touch.

A build is a set of Parquet files named by `built.json`, which is replaced atomically: readers never wait and never see
half a build. The base holds every session once; a patch holds those that changed since, and goes before the base.
"""

import json
import os
import time
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from phantom_core.errors import DataError
from phantom_core.features import aggregate, catalogue
from phantom_core.features.build import connect, session_tables, sessions_of
from phantom_core.features.ranges import Part
from phantom_core.lake.lake import Lake
from phantom_core.progress import Progress, silent

ATTRIBUTES: Final = ("session_id", "session_key", "experiment_id", "store_mode", "family", "start_ms", "end_ms")
COLUMNS: Final = (*ATTRIBUTES, *catalogue.names(), "is_agent", *aggregate.OUTCOMES)
# A larger patch is merged into the base: every refresh writes the patch anew, and every read looks it up.
LARGEST_PATCH_SHARE: Final = 0.1
READ_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class RefreshReport:
    """What a refresh did.

    Attributes:
        sessions: sessions in the store, count.
        events: events they are made of, count.
        rebuilt_sessions: sessions computed anew, count.
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
    """What the store stands for, as kept in built.json.

    Attributes:
        sql_hash: of the SQL files that computed it.
        lake_version: of the events it was computed from.
        sources: the event files it was computed from.
        base: its own files that hold every session.
        patch: its own file of sessions that changed since; at most one.
        replaced: files of the build before, kept for readers that have just opened it.
    """

    sql_hash: str
    lake_version: int
    sources: tuple[str, ...]
    base: tuple[str, ...]
    patch: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()


class FeatureStore:
    """Features of all sessions of one lake.

    Args:
        lake: where the events are; the store lives in its folder `features`.
    """

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.root = lake.root / "features"

    def refresh(self, progress: Progress = silent) -> RefreshReport:
        """Bring the store up to date with the lake; recompute only sessions that new events touch.

        Args:
            progress: told after every step.
        Returns:
            What was done.
        Raises:
            CancelledError: progress said stop; the store is as it was before.
        """
        started = time.perf_counter()
        self.root.mkdir(parents=True, exist_ok=True)
        with FileLock(self.root / ".lock"):
            version = self.lake.version("events")
            sources = tuple(self.lake.files("events", version)) if version >= 0 else ()
            before = self._build()
            # Files that are gone mean that events were deleted or rewritten.
            if before is None or before.sql_hash != aggregate.sql_hash() or not set(before.sources) <= set(sources):
                build, n_rebuilt = self._full(sources, version, progress)
            else:
                build, n_rebuilt = self._patched(before, sources, version, progress)
            if build != before:
                self._switch(build, before)
        n_sessions, n_events = self._size(build)
        return RefreshReport(n_sessions, n_events, n_rebuilt, time.perf_counter() - started, version)

    def matrix(self) -> pa.Table:
        """One row per session, ordered by session_key, with the columns of COLUMNS; labels as they stand now.

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
        raise DataError("The feature files cannot be read.", hint=f"Delete {self.root} and refresh the features.")

    def _full(self, sources: tuple[str, ...], version: int, progress: Progress) -> tuple[Build, int]:
        """Compute every session."""
        base, n_sessions = [], 0
        for share, table in session_tables(sources):
            base.append(self._write(table))
            n_sessions += table.num_rows
            progress(share, f"features of {n_sessions:,} sessions")
        return Build(aggregate.sql_hash(), version, sources, tuple(base)), n_sessions

    def _patched(self, before: Build, sources: tuple[str, ...], version: int, progress: Progress) -> tuple[Build, int]:
        """Compute the sessions that have events in files the build has not seen."""
        added = sorted(set(sources) - set(before.sources))
        build = replace(before, lake_version=version, sources=sources)
        if not added:
            return build, 0
        progress(0, "sessions that changed")
        with connect(sources, threads=os.cpu_count() or 1) as connection:
            connection.execute(f"CREATE TABLE touched AS SELECT DISTINCT session_key FROM ({_scan(added)})")
            changed = sessions_of(connection, Part("session_key IN (SELECT session_key FROM touched)", is_scattered=True))
        progress(0.9, f"features of {changed.num_rows:,} sessions")
        with duckdb.connect() as connection:
            connection.register("changed", changed)
            unchanged = f"{_scan(self._paths(before.patch))} ANTI JOIN changed USING (session_key) UNION ALL " if before.patch else ""
            patch = connection.sql(f"{unchanged}SELECT * FROM changed ORDER BY session_key").to_arrow_table()
        build = replace(build, patch=(self._write(patch),))
        n_base = sum(pq.read_metadata(path).num_rows for path in self._paths(build.base))
        return (self._merged(build) if patch.num_rows > LARGEST_PATCH_SHARE * n_base else build), changed.num_rows

    def _merged(self, build: Build) -> Build:
        """The same sessions in a single base file, without a patch."""
        with duckdb.connect() as connection:
            sessions = connection.sql(f"SELECT * FROM ({self._newest(build)}) ORDER BY session_key").to_arrow_table()
        return replace(build, base=(self._write(sessions),), patch=())

    def _labelled(self, build: Build) -> pa.Table:
        with self.lake.connect(("experiments", "session_labels")) as connection:
            connection.execute(f"CREATE VIEW sessions AS {self._newest(build)}")
            return connection.sql(
                f"WITH labels AS ({aggregate.sql('labels')}) SELECT {', '.join(COLUMNS)} "
                "FROM sessions JOIN labels USING (session_key) ORDER BY session_key"
            ).to_arrow_table()

    def _newest(self, build: Build) -> str:
        """SQL for every session as it is in the patch, else in the base."""
        base, patch = _scan(self._paths(build.base)), _scan(self._paths(build.patch))
        return f"{base} ANTI JOIN ({patch}) AS patch USING (session_key) UNION ALL {patch}" if build.patch else base

    def _size(self, build: Build) -> tuple[int, int]:
        """Sessions and events of a build."""
        with duckdb.connect() as connection:
            counts = connection.sql(f"SELECT COUNT(*), COALESCE(SUM(total_interactions), 0) FROM ({self._newest(build)})")
            [(n_sessions, n_events)] = counts.fetchall()
        return n_sessions, int(n_events)

    def _write(self, sessions: pa.Table) -> str:
        """Write sessions to a new file; returns its name."""
        name = f"part-{uuid.uuid4().hex}.parquet"
        pq.write_table(sessions, self.root / name, compression="zstd")
        return name

    def _build(self) -> Build | None:
        """The build readers see; None before the first, or when another version of PHANTOM wrote it."""
        try:
            return TypeAdapter(Build).validate_json((self.root / "built.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def _switch(self, build: Build, before: Build | None) -> None:
        """Point readers at a build, and delete the files that neither it nor the build before needs."""
        replaced = tuple(sorted({*before.base, *before.patch} - {*build.base, *build.patch})) if before else ()
        build = replace(build, replaced=replaced)
        temporary = self.root / "built.json.new"
        temporary.write_text(json.dumps(asdict(build)), encoding="utf-8")
        temporary.replace(self.root / "built.json")
        for file in self.root.glob("part-*.parquet"):
            if file.name not in (*build.base, *build.patch, *build.replaced):
                file.unlink()

    def _paths(self, names: Iterable[str]) -> list[str]:
        return [str(self.root / name) for name in names]


def _scan(files: Iterable[str]) -> str:
    """SQL for all rows of Parquet files."""
    names = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    return f"SELECT * FROM read_parquet([{names}])"
