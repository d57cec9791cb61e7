"""The lake: Delta tables in one folder, queried by DuckDB.

Any number of processes may read and write at once. Appends are atomic; a writer that must read
first (to leave out rows that are already there) holds `Lake.lock`, which the operating system frees
when a process dies.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import DeltaError
from filelock import FileLock

from phantom_core.core.errors import DamageError, InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.events import schema
from phantom_core.lake.table_rows import select_rows

TABLES: Final[Mapping[str, pa.Schema]] = {
    "events": schema.EVENTS,
    "quotes": schema.QUOTES,
    "experiments": schema.EXPERIMENTS,
    "session_labels": schema.SESSION_LABELS,
    "catalogue": schema.CATALOGUE,
    "quarantine": schema.QUARANTINE,
    "loads": schema.LOADS,
    "decisions": schema.DECISIONS,
}

# Small enough that a range of sessions touches few row groups, large enough for DuckDB to scan at
# full speed.
ROW_GROUP_ROWS: Final = 122_880
COMPACTED_BYTES: Final = 32 << 20
RETENTION_HOURS: Final = 720
RESTORE: Final = "Restore the workspace from a backup, or load its files into a new one."
# Kinds of loads by table, where they differ.
_KINDS: Final = {"session_labels": "labels"}
_ODD_CHARACTERS: Final = "*?[]{}%#"


class Lake:
    """The tables of one workspace.

    Args:
        root: folder of the lake; made when the first row is written.
    Raises:
        InputError: the path has a character with a meaning in path patterns or URLs.
    """

    def __init__(self, root: Path) -> None:
        odd = sorted(set(str(root.absolute())) & set(_ODD_CHARACTERS))
        if odd:
            raise InputError(
                f"The workspace path '{root.parent}' contains {' '.join(odd)}.",
                hint="Choose a folder without such characters.",
            )
        self.root = root

    @property
    def lock(self) -> FileLock:
        """Held by a writer that reads the lake to decide what to write."""
        self.root.mkdir(parents=True, exist_ok=True)
        return FileLock(self.root / ".lock")

    def version(self, table: str = "events") -> int:
        """Version of a table; -1 before its first commit."""
        found = self._opened(table)
        return -1 if found is None else found.version()

    def files(self, table: str, version: int | None = None) -> list[str]:
        """Data files of a table, as paths DuckDB can read."""
        path, found = self._path(table), self._opened(table, version)
        if found is None:
            return []
        actions = pa.table(found.get_add_actions()).select(["path", "size_bytes"]).to_pylist()
        # File names are generated and plain, but their URIs have the folder percent-encoded.
        sizes = {path / Path(one["path"]).name: int(one["size_bytes"]) for one in actions}
        for file, n_bytes in sizes.items():
            check_data_file(table, file, n_bytes)
        return sorted(map(str, sizes))

    def append(
        self,
        table: str,
        rows: pa.Table | pa.RecordBatchReader,
        note: Mapping[str, str] | None = None,
    ) -> int:
        """Append rows in one atomic commit. Hold the lock for the first one: it creates the table.

        Args:
            table: one of TABLES.
            rows: rows with the table's schema.
            note: stored in the commit, read back by `last_note`.

        Returns:
            The table's new version.
        """
        write_deltalake(
            self._path(table),
            rows,
            mode="append",
            name=table,
            # A table of an earlier release gets the columns added since.
            schema_mode="merge",
            writer_properties=_writer_properties(),
            commit_properties=CommitProperties(custom_metadata=dict(note or {})),
        )
        return self.version(table)

    def replace(
        self, table: str, rows: pa.RecordBatchReader, predicate: str, note: Mapping[str, str]
    ) -> int:
        """Delete the rows for which a SQL predicate holds and append others, in one atomic commit.

        Args:
            table: one of TABLES, with a row.
            rows: new ones, for which the predicate holds as well.
            predicate: SQL.
            note: stored in the commit.
        Returns:
            The table's new version.
        """
        write_deltalake(
            self._path(table),
            rows,
            mode="overwrite",
            predicate=predicate,
            schema_mode="merge",
            writer_properties=_writer_properties(),
            commit_properties=CommitProperties(custom_metadata=dict(note)),
        )
        return self.version(table)

    def upsert(
        self, table: str, rows: pa.Table, key: str, note: Mapping[str, str] | None = None
    ) -> int:
        """Insert rows, or replace those with the same key, in one atomic commit. Hold the lock."""
        found = self._opened(table)
        if found is None:
            return self.append(table, rows, note)
        merge = found.merge(
            rows,
            f"target.{key} = source.{key}",
            source_alias="source",
            target_alias="target",
            commit_properties=CommitProperties(custom_metadata=dict(note or {})),
        )
        merge.when_matched_update_all().when_not_matched_insert_all().execute()
        return self.version(table)

    def compact(self, table: str) -> None:
        """Merge the many small files of frequent appends; a table that does not exist has none.

        Files that were replaced more than 30 days ago are deleted, so earlier versions of the table
        can no longer be read.
        """
        found = self._opened(table)
        if found is not None:
            # Files that are large enough are left alone: without a limit each compaction would
            # rewrite the whole table.
            found.optimize.compact(target_size=COMPACTED_BYTES)
            DeltaTable(self._path(table)).vacuum(retention_hours=RETENTION_HOURS, dry_run=False)

    def delete(self, table: str, predicate: str, note: Mapping[str, str] | None = None) -> int:
        """Delete the rows for which a SQL predicate holds; a table that does not exist has none.

        Returns:
            How many there were.
        """
        found = self._opened(table)
        if found is None:
            return 0
        properties = CommitProperties(custom_metadata=dict(note or {}))
        done = found.delete(predicate, commit_properties=properties)
        return int(done.get("num_deleted_rows") or 0)

    def update(self, table: str, values: Mapping[str, str], predicate: str) -> None:
        """Set columns to SQL values where a SQL predicate holds. Hold the lock."""
        # A table of an earlier release gets the columns added since.
        write_deltalake(
            self._path(table), TABLES[table].empty_table(), mode="append", schema_mode="merge"
        )
        DeltaTable(self._path(table)).update(dict(values), predicate=predicate)

    def erase(self, table: str, predicate: str) -> int:
        """Delete rows so that no earlier version, statistic or log of the table holds them.

        Readers of an earlier version find its files gone. Hold the lock. A second call ends what an
        interrupted one left.

        Args:
            table: one of TABLES.
            predicate: SQL that holds for these rows.
        Returns:
            How many rows there were.
        """
        path = self._path(table)
        if not DeltaTable.is_deltatable(str(path)):
            return 0
        n_rows = int(DeltaTable(path).delete(predicate).get("num_deleted_rows") or 0)
        self.forget_history(table)
        return n_rows

    def forget_history(self, table: str) -> None:
        """Remove every earlier version of a table: its data files and its log. Hold the lock."""
        path = self._path(table)
        if not DeltaTable.is_deltatable(str(path)):
            return
        DeltaTable(path).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
        # The newest log entry stays readable, so it must not be the deletion, which names the rows.
        note = CommitProperties(custom_metadata={"phantom_history": "forgotten"})
        write_deltalake(
            path,
            TABLES[table].empty_table(),
            mode="append",
            schema_mode="merge",
            commit_properties=note,
        )
        newest = DeltaTable(path)
        newest.create_checkpoint()
        for file in (path / "_delta_log").iterdir():
            version, _, _ = file.name.partition(".")
            if version.isdecimal() and int(version) < newest.version():
                file.unlink()

    def last_note(self, table: str) -> dict[str, str]:
        """The note of the newest commit of a table."""
        found = self._opened(table)
        return {} if found is None else {k: str(v) for k, v in found.history(1)[0].items()}

    def connect(
        self, tables: Iterable[str] = tuple(TABLES), *, version: int | None = None
    ) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection of its own, with one view per table as it stands now.

        Args:
            tables: names of the views.
            version: of `events`, to read an earlier state; None means the newest.
        """
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        for table in tables:
            connection.execute(
                f"CREATE VIEW {table} AS "
                f"{self.select(table, version if table == 'events' else None)}"
            )
        return connection

    def select(self, table: str, version: int | None = None) -> str:
        """SQL that reads a table; of the quarantine, only rows whose load is in the ledger."""
        known = (
            f" WHERE load_id IN (SELECT load_id FROM ({self.select('loads')}) "
            "WHERE removed_ms IS NULL)"
            if table == "quarantine"
            else ""
        )
        return f"{select_rows(TABLES[table], self.files(table, version))}{known}"

    def _opened(self, table: str, version: int | None = None) -> DeltaTable | None:
        """A table at a version; None before its first commit.

        Raises:
            DamageError: its log cannot be read, or is missing though rows were loaded.
        """
        path = self._path(table)
        if not DeltaTable.is_deltatable(str(path)):
            if table not in ("loads", "quarantine", "decisions"):
                self._check_never_loaded(table)
            elif table == "loads":
                self._check_never_recorded()
            return None
        try:
            return DeltaTable(path, version=version)
        except (DeltaError, ValueError, OSError) as error:
            raise DamageError(
                f"The log of the table '{table}' is damaged: {_first_line(error)}.",
                hint=RESTORE,
            ) from error
        except BaseException as error:  # a panic of the library is no Exception
            if type(error).__name__ != "PanicException":
                raise
            raise DamageError(f"The log of the table '{table}' is damaged.", hint=RESTORE) from None

    def _check_never_loaded(self, table: str) -> None:
        """Only a table that the ledger of loads does not know may be without a log."""
        if not DeltaTable.is_deltatable(str(self.root / "loads")):
            return
        loaded = _rows_loaded(self.root, self.version("loads"))
        if n_rows := loaded.get(_KINDS.get(table, table), 0):
            raise DamageError(
                f"The log of the table '{table}' is missing, though {n_rows:,} rows were loaded.",
                hint=RESTORE,
            )

    def _check_never_recorded(self) -> None:
        """The ledger may be missing only while the first load is being recorded."""
        if not any(self._path("loads").glob("*.parquet")):
            return
        n_commits = sum(
            1
            for table in ("events", "quotes")
            for _ in (self.root / table / "_delta_log").glob("*.json")
        )
        if n_commits > 1:
            raise DamageError("The log of the ledger of loads is missing.", hint=RESTORE)

    def _path(self, table: str) -> Path:
        if table not in TABLES:
            raise NotFoundError(
                f"The lake has no table '{table}'.", hint=f"It has {', '.join(TABLES)}."
            )
        return self.root / table


@lru_cache(maxsize=8)
def _rows_loaded(root: Path, version: int) -> Mapping[str, int]:
    """Rows that each kind of load accepted, as a version of the ledger says."""
    del version
    with Lake(root).connect(("loads",)) as connection:
        found = connection.execute(
            "SELECT kind, SUM(accepted)::BIGINT FROM loads WHERE removed_ms IS NULL GROUP BY kind"
        ).fetchall()
    return dict(found)


def _writer_properties() -> WriterProperties:
    return WriterProperties(
        compression="ZSTD", compression_level=1, max_row_group_size=ROW_GROUP_ROWS
    )


def check_data_file(table: str, file: Path, n_bytes: int) -> None:
    """Check a data file against the log of its table.

    Raises:
        DamageError: it is missing, or has another size.
    """
    try:
        found = file.stat().st_size
    except FileNotFoundError:
        raise DamageError(
            f"A data file of the table '{table}' is missing: {file.name}.", hint=RESTORE
        ) from None
    if found != n_bytes:
        raise DamageError(
            f"A data file of the table '{table}' has {found:,} bytes instead of {n_bytes:,}: "
            f"{file.name}.",
            hint=RESTORE,
        )


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")[:200] if str(error).strip() else "empty"


def open_lake(settings: Settings) -> Lake:
    """The lake of an installation's workspace."""
    return Lake(settings.paths.lake)
