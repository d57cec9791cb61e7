"""Load: the rows of one file, committed to the lake all or none, and no row twice.

Order of the three commits, all under the lock: quarantine, rows, ledger. The commit of the rows
carries the ledger's entry, so a load that was killed after it is finished by the next load. One
killed before it has left nothing that a reader sees: quarantined rows are included once their load
is in the ledger.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from typing import Final

import duckdb
import pyarrow as pa

from phantom_core.events import schema
from phantom_core.events.keyed_rows import KeyedRows
from phantom_core.lake.duplicates import mark_fresh, number_repeats
from phantom_core.lake.erased import ERASED, ErasedIds, ErasedKind
from phantom_core.lake.lake import TABLES, Lake
from phantom_core.lake.ledger import Load
from phantom_core.lake.matches import unmatched_warnings
from phantom_core.lake.removal import (
    finish_removal,
    mark_removed,
    other_readings,
    removal_note,
    replacement_warning,
)

# Kind of a keyed load → its table; the table's first column is the key.
KEYED_TABLES: Final = {
    "experiments": "experiments",
    "labels": "session_labels",
    "catalogue": "catalogue",
}
# Columns of keyed tables that hold ids which may have been erased.
_ERASED_COLUMNS: Final[Mapping[str, Mapping[str, ErasedKind]]] = {
    "session_labels": {"session_id": "session"},
    "experiments": {"experiment_id": "experiment", "subject_name": "subject"},
}
_NOTE: Final = "phantom_load"
ROWS_OF_A_LOAD: Final = 1 << 32  # event_seq leaves so many numbers to each load
_BATCH_ROWS: Final = 100_000
REFUSED: Final = pa.schema(
    [("line", pa.int64()), ("reason", pa.string()), ("detail", pa.string()), ("text", pa.string())]
)


def commit_file(
    lake: Lake, staged: duckdb.DuckDBPyConnection, load: Load, elapsed_s: Callable[[], float]
) -> Load:
    """Commit the staged rows of a file; those of the same file read by another mapping go.

    Args:
        lake: where to.
        staged: has the table `staged` (reason, line, detail, text, and the columns of the target
            table but load_seq and event_seq).
        load: kind, file, sha256, mapping and warnings are taken from it.
        elapsed_s: seconds since the load began.

    Returns:
        The load with all its figures.
    """
    number_repeats(staged)
    return _commit(lake, staged, load, elapsed_s)


def commit_messages(
    lake: Lake, staged: duckdb.DuckDBPyConnection, load: Load, elapsed_s: Callable[[], float]
) -> Load:
    """Commit the staged messages of a stream, where equal ones are one event.

    Args:
        lake: where to.
        staged: as of `commit_file`.
        load: kind, file and mapping are taken from it.
        elapsed_s: seconds since the load began.
    Returns:
        The load with all its figures.
    """
    return _commit(lake, staged, load, elapsed_s)


def _commit(
    lake: Lake, staged: duckdb.DuckDBPyConnection, load: Load, elapsed_s: Callable[[], float]
) -> Load:
    table = load.kind
    with lake.lock:
        finish_interrupted(lake)
        _mark_erased(lake, staged)
        replaced = other_readings(lake, load)
        mark_fresh(lake, staged, table, [one.load_seq for one in replaced])
        done = _counted(staged, replace(load, load_seq=_next_seq(lake)), elapsed_s)
        if replaced:
            done = replace(done, warnings=(*done.warnings, replacement_warning(replaced)))
        if done.quarantined:
            _quarantine(
                lake,
                done,
                staged.sql(
                    "SELECT line, reason, detail, text FROM staged "
                    f"WHERE reason IS NOT NULL AND reason <> '{ERASED}'"
                ).to_arrow_table(),
                [one.load_id for one in replaced],
            )
        # Closed also where the disk is full, so that the same rows can be tried again.
        with closing(_fresh_rows(staged, table, done.load_seq)) as fresh:
            rows = _numbered(fresh, table, done.load_seq)
            if replaced:
                gone = [one.load_id for one in replaced]
                numbers = [*(one.load_seq for one in replaced), done.load_seq]
                note = _note(done) | removal_note(gone, done.loaded_ms)
                lake.replace(table, rows, f"load_seq IN ({', '.join(map(str, numbers))})", note)
            elif done.accepted:
                lake.append(table, rows, _note(done))
        record_load(lake, done)
        mark_removed(lake, [one.load_id for one in replaced], done.loaded_ms)
    return done


def commit_keyed(lake: Lake, read: KeyedRows, load: Load) -> Load:
    """Commit experiments, labels or the catalogue; a missing value does not erase a stored one.

    Args:
        lake: where to.
        read: the rows.
        load: kind, file, sha256 and seconds are taken from it.
    Returns:
        The load with all its figures.
    """
    table = KEYED_TABLES[load.kind]
    key = TABLES[table].names[0]
    with lake.lock:
        finish_interrupted(lake)
        read, n_erased = _without_erased(lake, table, read)
        changed = _changed(lake, table, key, read.rows)
        done = replace(
            load,
            load_seq=_next_seq(lake),
            rows_read=read.n_read,
            accepted=changed.num_rows,
            duplicates=read.rows.num_rows - changed.num_rows + read.n_repeated,
            quarantined=read.reasons | ({ERASED: n_erased} if n_erased else {}),
            warnings=unmatched_warnings(lake, table, read.rows),
        )
        if read.refused:
            _quarantine(
                lake,
                done,
                pa.Table.from_pylist([asdict(row) for row in read.refused], schema=REFUSED),
            )
        if done.accepted:
            lake.upsert(table, changed, key, _note(done))
        record_load(lake, done)
    return done


def commit_refused(lake: Lake, load: Load, rows: pa.Table) -> Load:
    """Commit the rejected rows of an endless source, such as a partition of a topic.

    Args:
        lake: where to.
        load: kind, file, sha256 and mapping are taken from it.
        rows: columns line, reason, detail, text; lines are unique among the loads with the same
            sha256.
    Returns:
        The load with its figures.
    """
    with lake.lock:
        finish_interrupted(lake)
        is_erased = ErasedIds(lake.root.parent).in_texts(rows["text"].to_pylist())
        reasons = Counter(
            ERASED if erased else reason
            for erased, reason in zip(is_erased, rows["reason"].to_pylist(), strict=True)
        )
        done = replace(
            load, load_seq=_next_seq(lake), rows_read=rows.num_rows, quarantined=dict(reasons)
        )
        _quarantine(lake, done, rows.filter(pa.array([not one for one in is_erased])))
        record_load(lake, done)
    return done


def compact_rows(lake: Lake) -> None:
    """Merge the many small files of a stream."""
    with lake.lock:
        finish_interrupted(lake)  # a compaction's commit carries no note
        for table in ("events", "quotes", "loads", "quarantine"):
            lake.compact(table)


def record_load(lake: Lake, load: Load) -> None:
    """Write a load into the ledger. Hold the lock."""
    lake.append("loads", pa.Table.from_pylist([load.row()], schema=schema.LOADS))


def finish_interrupted(lake: Lake) -> None:
    """Record loads whose process died right after their rows were committed. Hold the lock."""
    for table in ("events", "quotes", *KEYED_TABLES.values()):
        found = lake.last_note(table)
        note = found.get(_NOTE)
        if note and not _known(lake, json.loads(note)["load_id"]):
            lake.append("loads", pa.Table.from_pylist([json.loads(note)], schema=schema.LOADS))
        finish_removal(lake, found)


def _note(load: Load) -> dict[str, str]:
    return {_NOTE: json.dumps(load.row())}


def _quarantine(lake: Lake, load: Load, rows: pa.Table, replaced: Sequence[str] = ()) -> None:
    """Append rejected rows, unless the same rows of the same file are stored. Hold the lock.

    Args:
        lake: where to.
        load: whose rows they are.
        rows: columns line, reason, detail, text.
        replaced: ids of loads whose rows are about to go.
    """
    with lake.connect(("quarantine", "loads")) as connection:
        connection.register("refused", rows)
        fresh = connection.sql(
            """
            SELECT ? AS load_id, ? AS file, line, reason, detail, text AS raw FROM refused
            WHERE (line, reason) NOT IN
                (SELECT (q.line, q.reason) FROM quarantine AS q JOIN loads AS l USING (load_id)
                WHERE l.sha256 = ? AND NOT list_contains(?::VARCHAR[], l.load_id))
            ORDER BY line""",
            params=[load.load_id, load.file, load.sha256, list(replaced)],
        ).to_arrow_table()
    if fresh.num_rows:
        lake.append("quarantine", fresh.cast(schema.QUARANTINE))


def _mark_erased(lake: Lake, staged: duckdb.DuckDBPyConnection) -> None:
    """Refuse rows of erased sessions, without their text; refused rows that name one as well."""
    erased = ErasedIds(lake.root.parent)
    if erased.is_empty:
        return
    named = staged.execute("SELECT DISTINCT session_id FROM staged").fetchall()
    refused = staged.execute(
        "SELECT rowid, concat_ws(' ', text, detail) FROM staged WHERE reason IS NOT NULL"
    ).fetchall()
    texts = erased.in_texts([text for _, text in refused])
    staged.execute(
        f"UPDATE staged SET reason = '{ERASED}', detail = NULL, text = NULL "
        "WHERE session_id IN (SELECT unnest(?::VARCHAR[])) "
        "OR rowid IN (SELECT unnest(?::BIGINT[]))",
        [
            sorted(erased.among("session", (name for (name,) in named))),
            [row for (row, _), is_hit in zip(refused, texts, strict=True) if is_hit],
        ],
    )


def _without_erased(lake: Lake, table: str, read: KeyedRows) -> tuple[KeyedRows, int]:
    """Keyed rows without erased sessions, experiments and subjects, and how many those were."""
    erased = ErasedIds(lake.root.parent)
    if erased.is_empty or table not in _ERASED_COLUMNS:
        return read, 0
    is_left = [True] * read.rows.num_rows
    for column, kind in _ERASED_COLUMNS[table].items():
        names = read.rows[column].to_pylist()
        gone = erased.among(kind, names)
        is_left = [left and name not in gone for left, name in zip(is_left, names, strict=True)]
    texts = erased.in_texts([row.text for row in read.refused])
    refused = tuple(row for row, is_hit in zip(read.refused, texts, strict=True) if not is_hit)
    rows = read.rows.filter(pa.array(is_left, pa.bool_()))
    n_erased = read.rows.num_rows - rows.num_rows + len(read.refused) - len(refused)
    return replace(read, rows=rows, refused=refused), n_erased


def _known(lake: Lake, load_id: str) -> bool:
    with lake.connect(("loads",)) as connection:
        return bool(
            connection.execute(
                "SELECT COUNT(*) FROM loads WHERE load_id = ?", [load_id]
            ).fetchall()[0][0]
        )


def _next_seq(lake: Lake) -> int:
    """A number above that of every load and every row."""
    tables = ("loads", "events", "quotes")
    numbers = " UNION ALL ".join(f"SELECT MAX(load_seq) AS n FROM {table}" for table in tables)
    with lake.connect(tables) as connection:
        return int(
            connection.execute(f"SELECT COALESCE(MAX(n), 0) + 1 FROM ({numbers})").fetchall()[0][0]
        )


def _changed(lake: Lake, table: str, key: str, rows: pa.Table) -> pa.Table:
    """The rows that would change a table, completed with its stored values."""
    names = TABLES[table].names
    filled = ", ".join(f"COALESCE(n.{name}, k.{name}) AS {name}" for name in names)
    with lake.connect((table,)) as connection:
        connection.register("rows_read", rows)
        changed = connection.sql(
            f"SELECT {filled} FROM rows_read AS n LEFT JOIN {table} AS k USING ({key}) EXCEPT "
            f"SELECT {', '.join(names)} FROM {table}"
        )
        return changed.to_arrow_table().cast(TABLES[table])


def _counted(staged: duckdb.DuckDBPyConnection, load: Load, elapsed_s: Callable[[], float]) -> Load:
    ((n_read, n_good, n_fresh),) = staged.execute(
        "SELECT COUNT(*), COUNT(*) FILTER (WHERE reason IS NULL), (SELECT COUNT(*) FROM fresh) "
        "FROM staged"
    ).fetchall()
    reasons = staged.execute(
        "SELECT reason, COUNT(*) FROM staged WHERE reason IS NOT NULL GROUP BY reason ORDER BY "
        "reason"
    ).fetchall()
    return replace(
        load,
        rows_read=n_read,
        accepted=n_fresh,
        duplicates=n_good - n_fresh,
        quarantined=dict(reasons),
        seconds=round(elapsed_s(), 3),
    )


def _fresh_rows(
    staged: duckdb.DuckDBPyConnection, table: str, load_seq: int
) -> pa.RecordBatchReader:
    """The new rows, by session, microsecond and line."""
    target = _target(table)
    columns = ", ".join(
        f"s.{name}" for name in target.names if name not in ("load_seq", "event_seq")
    )
    return staged.sql(
        f"SELECT {columns}, CAST({load_seq} AS BIGINT) AS load_seq FROM staged AS s SEMI JOIN "
        "fresh AS f ON f.row = s.rowid "
        "ORDER BY s.session_key, s.event_us, s.line, s.part, s.rowid"
    ).to_arrow_reader(_BATCH_ROWS)


def _numbered(rows: pa.RecordBatchReader, table: str, load_seq: int) -> pa.RecordBatchReader:
    """The rows with their numbers, in their order."""
    target = _target(table)

    def batches() -> Iterator[pa.RecordBatch]:
        first = load_seq * ROWS_OF_A_LOAD
        for batch in rows:
            numbers = pa.array(range(first, first + batch.num_rows), pa.int64())
            first += batch.num_rows
            yield batch.append_column("event_seq", numbers).cast(target)

    return pa.RecordBatchReader.from_batches(target, batches())


def _target(table: str) -> pa.Schema:
    return schema.EVENTS if table == "events" else schema.QUOTES
