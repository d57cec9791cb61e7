"""The workbench reads the tables of its workspace, and does nothing else."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phantom_core.core.errors import InputError
from phantom_core.lake.read_only_sql import require_reading
from phantom_core.views.workbench.query_child import QueryRequest, locked_database

ROWS = 10
SECRET = "not for shoppers"

NOT_READING = (
    "INSERT INTO events VALUES (1)",
    "UPDATE events SET x = 1",
    "DELETE FROM events",
    "TRUNCATE events",
    "MERGE INTO events USING events AS e ON (e.x = events.x) WHEN MATCHED THEN DELETE",
    "CREATE TABLE stolen AS SELECT * FROM events",
    "CREATE OR REPLACE VIEW events AS SELECT 1",
    "CREATE MACRO f(a) AS a",
    "CREATE SECRET s (TYPE s3)",
    "DROP VIEW events",
    "ALTER VIEW events RENAME TO e",
    "COPY events TO '{folder}/out.csv'",
    "COPY (SELECT 1) TO '{folder}/out.parquet'",
    "COPY FROM DATABASE memory TO memory",
    "EXPORT DATABASE '{folder}/dump'",
    "IMPORT DATABASE '{folder}/dump'",
    "ATTACH '{folder}/other.db'",
    "ATTACH '{folder}/control.sqlite' (TYPE sqlite)",
    "DETACH memory",
    "USE memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{folder}/evil.duckdb_extension'",
    "UPDATE EXTENSIONS",
    "SET memory_limit = '900GB'",
    "SET enable_external_access = true",
    "RESET enable_external_access",
    "PRAGMA enable_profiling",
    "PRAGMA threads = 64",
    "CALL force_checkpoint()",
    "CHECKPOINT",
    "VACUUM",
    "ANALYZE",
    "BEGIN",
    "COMMIT",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW events",
    "",
    "-- nothing",
    "not SQL at all",
)
REFUSED = (
    "SELECT * FROM read_text('{folder}/secret.txt')",
    "SELECT * FROM read_blob('{folder}/secret.txt')",
    "SELECT * FROM read_csv('{folder}/secret.txt')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM read_json('/proc/self/environ')",
    "SELECT * FROM read_ndjson_objects('{folder}/secret.txt')",
    "SELECT * FROM read_parquet('{folder}/secret.parquet')",
    "SELECT * FROM read_parquet('{folder}/*.parquet')",
    "SELECT * FROM read_parquet('{folder}/../{name}/secret.parquet')",
    "SELECT * FROM parquet_metadata('{folder}/secret.parquet')",
    "SELECT * FROM parquet_schema('{folder}/secret.parquet')",
    "SELECT * FROM sniff_csv('{folder}/secret.txt')",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM '{folder}/secret.parquet'",
    'SELECT * FROM "{folder}/secret.parquet"',
    "SELECT * FROM read_csv('https://example.com/a.csv')",
    "SELECT * FROM 's3://bucket/a.parquet'",
    "SELECT * FROM sqlite_scan('{folder}/control.sqlite', 'people')",
    "SELECT * FROM postgres_scan('host=127.0.0.1', 'public', 'people')",
    "SELECT * FROM delta_scan('{folder}')",
    "SELECT * FROM duckdb_secrets()",
    "SELECT getenv('HOME')",
    "SELECT * FROM frame",
    "SELECT * FROM query('SELECT * FROM read_text(''{folder}/secret.txt'')')",
    "SELECT (SELECT content FROM read_text('{folder}/secret.txt'))",
    "WITH a AS (SELECT * FROM read_text('{folder}/secret.txt')) SELECT * FROM a",
    "WITH a AS (INSERT INTO events VALUES (1) RETURNING *) SELECT * FROM a",
    "WITH a AS (DELETE FROM events RETURNING *) SELECT * FROM a",
    "SELECT * FROM enable_logging()",
    "SELECT * FROM enable_profiling()",
    "EXPLAIN ANALYZE COPY events TO '{folder}/out.csv'",
    "EXPLAIN ANALYZE SELECT * FROM read_text('{folder}/secret.txt')",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("lake")
    (found / "secret.txt").write_text(SECRET)
    (found / "control.sqlite").write_bytes(b"SQLite format 3\x00")
    for name in ("events", "secret"):
        pq.write_table(pa.table({"x": list(range(ROWS))}), found / f"{name}.parquet")
    return found


@pytest.fixture
def database(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    file = str(folder / "events.parquet")
    request = QueryRequest(
        sql="",
        tables={"events": f"SELECT * FROM read_parquet(['{file}'])"},
        files=[file],
        rows=100,
        result_bytes=1 << 20,
        memory_mb=200,
    )
    with locked_database(request) as opened:
        opened.execute("BEGIN TRANSACTION READ ONLY")
        yield opened


def test_its_own_tables_are_read(database: duckdb.DuckDBPyConnection) -> None:
    require_reading("FROM events")
    assert database.sql("SELECT COUNT(*), SUM(x) FROM events").fetchall() == [(ROWS, 45)]


@pytest.mark.parametrize("attack", NOT_READING)
def test_what_does_more_than_read_is_not_even_started(attack: str, folder: Path) -> None:
    with pytest.raises(InputError):
        require_reading(attack.format(folder=folder))


@pytest.mark.parametrize("attack", [*NOT_READING[:-7], *REFUSED])
def test_nothing_else_can_be_read_or_written(
    attack: str, folder: Path, database: duckdb.DuckDBPyConnection
) -> None:
    """Also where the statement came through: the database itself refuses."""
    frame = pa.table({"secret": [SECRET]})
    before = {path: path.read_bytes() for path in folder.iterdir()}
    found: Sequence[object] = ()
    try:
        result = database.sql(attack.format(folder=folder, name=folder.name))
        found = result.fetchall() if result is not None else ()
    except (duckdb.Error, RuntimeError):
        pass
    assert SECRET not in str(found)
    assert "root:" not in str(found)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert frame.num_rows == 1
    with suppress(duckdb.TransactionException):
        database.execute("ROLLBACK")
    assert database.sql("SELECT SUM(x) FROM events").fetchall() == [(45,)]


@pytest.mark.parametrize("attack", REFUSED)
def test_what_reaches_outside_is_refused(
    attack: str, folder: Path, database: duckdb.DuckDBPyConnection
) -> None:
    with pytest.raises((duckdb.Error, InputError)):
        database.sql(attack.format(folder=folder, name=folder.name)).fetchall()
