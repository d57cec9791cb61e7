"""Query child: runs one query in a process with limits; started by `query_run`.

Its database may open the lake's current files alone: no other file, no network, no extension, no
variable of the program, and no setting can be changed any more. The query runs in a read-only
transaction.
"""

from typing import Final

import duckdb
import pyarrow as pa
from pydantic import BaseModel

from phantom_core.accounts.permissions import needs_no_permission
from phantom_core.core.errors import SourceError
from phantom_core.core.limited_process import answer_limited

_THREADS: Final = 2
_BATCH_ROWS: Final = 10_000
CUT: Final = b"cut"
_NO_FILES: Final = "This query asks for a file, the network, an extension or a setting."
_HINT: Final = "The workbench reads the tables of this workspace only."


class QueryRequest(BaseModel):
    """What the child is asked for.

    Attributes:
        sql: one statement.
        tables: SQL that reads each table, by name.
        files: that these may open.
        rows: of the result, at most.
        result_bytes: of the result, at most, in memory.
        memory_mb: of the database.
    """

    sql: str
    tables: dict[str, str]
    files: list[str]
    rows: int
    result_bytes: int
    memory_mb: int


@needs_no_permission
def locked_database(request: QueryRequest) -> duckdb.DuckDBPyConnection:
    """A database in memory with the tables as views, which can do nothing but read them."""
    database = duckdb.connect(config={"threads": _THREADS})
    database.execute("SET TimeZone = 'UTC'")
    for name, select in request.tables.items():
        database.execute(f'CREATE VIEW "{name}" AS {select}')
    allowed = ", ".join("'" + file.replace("'", "''") + "'" for file in request.files)
    for setting in (
        f"allowed_paths = [{allowed}]",
        f"memory_limit = '{request.memory_mb}MB'",
        "temp_directory = ''",
        "python_enable_replacements = false",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        database.execute(f"SET {setting}")
    return database


@needs_no_permission
def answer_query(plain: object) -> bytes:
    """Run the query of a request.

    Returns:
        The result as an Arrow stream; `cut` is in its metadata where more rows were found.
    Raises:
        SourceError: it cannot be run; the message says why.
    """
    request = QueryRequest.model_validate(plain)
    try:
        return _stream(*_rows(locked_database(request), request))
    except duckdb.PermissionException:
        raise SourceError(_NO_FILES, hint=_HINT) from None
    except duckdb.OutOfMemoryException:
        raise SourceError(
            f"The query needs more than {request.memory_mb:,} MB of memory.",
            hint="Read fewer rows or columns.",
        ) from None
    except duckdb.Error as error:
        raise SourceError(str(error).strip(), hint="") from None


def _rows(database: duckdb.DuckDBPyConnection, request: QueryRequest) -> tuple[pa.Table, bool]:
    """The result up to its limits, and whether there is more."""
    database.execute("BEGIN TRANSACTION READ ONLY")
    reader = database.sql(request.sql).to_arrow_reader(_BATCH_ROWS)
    batches: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in reader:
        left = request.rows - rows
        if left <= 0 or size >= request.result_bytes:
            return pa.Table.from_batches(batches, reader.schema), True
        batches.append(batch.slice(0, left))
        rows, size = rows + batch.num_rows, size + batch.nbytes
    return pa.Table.from_batches(batches, reader.schema), rows > request.rows


def _stream(table: pa.Table, is_cut: bool) -> bytes:
    sink = pa.BufferOutputStream()
    cut = table.replace_schema_metadata({CUT: b"1"} if is_cut else {})
    with pa.ipc.new_stream(sink, cut.schema) as writer:
        writer.write_table(cut)
    return bytes(sink.getvalue())


if __name__ == "__main__":
    answer_limited(answer_query)
