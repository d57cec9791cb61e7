"""Workbench: SQL over the tables of a workspace, which reads them and does nothing else."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.lake.lake import TABLES, open_lake
from phantom_core.lake.read_only_sql import require_reading
from phantom_core.views.workbench.query_child import QueryRequest, locked_database
from phantom_core.views.workbench.query_run import QueryLimits, QueryRun
from phantom_core.views.workspace.snapshot import Snapshot

_SESSIONS: Final = re.compile(r"\bsessions\b", re.IGNORECASE)


@requires(Permission.READ)
def table_columns(settings: Settings, snapshot: Snapshot) -> Mapping[str, Mapping[str, str]]:
    """Type of each column, by table and column, as SQL names them."""
    with locked_database(_request(settings, "", QueryLimits())) as database:
        rows = database.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns "
            "ORDER BY table_name, ordinal_position"
        ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        found.setdefault(str(table), {})[str(column)] = str(kind)
    described = snapshot.rows("SELECT column_name, column_type FROM (DESCRIBE sessions)")
    return {"sessions": {str(name): str(kind) for name, kind in described}} | found


@requires(Permission.READ)
def start_query(
    settings: Settings, snapshot: Snapshot, sql: str, limits: QueryLimits | None = None
) -> QueryRun:
    """Start one query over the lake's tables and `sessions`, with features and scores.

    Raises:
        InputError: it is no SQL, more than one statement, or does more than read.
    """
    require_reading(sql)
    chosen = limits or QueryLimits()
    request = _request(settings, sql, chosen)
    if not _SESSIONS.search(sql):
        return QueryRun(request, chosen)
    return _with_sessions(request, snapshot, chosen)


def _with_sessions(request: QueryRequest, snapshot: Snapshot, limits: QueryLimits) -> QueryRun:
    """A query that reads `sessions`, handed over in a file that goes with the query."""
    folder = tempfile.TemporaryDirectory(prefix="phantom-query-")
    file = Path(folder.name) / "sessions.parquet"
    pq.write_table(snapshot.arrow("SELECT * FROM sessions"), file)
    tables = request.tables | {"sessions": f"SELECT * FROM read_parquet('{file}')"}
    asked = request.model_copy(update={"tables": tables, "files": [*request.files, str(file)]})
    return QueryRun(asked, limits, folder.cleanup)


def _request(settings: Settings, sql: str, limits: QueryLimits) -> QueryRequest:
    lake = open_lake(settings)
    return QueryRequest(
        sql=sql,
        tables={table: lake.select(table) for table in TABLES},
        files=[file for table in TABLES for file in lake.files(table)],
        rows=limits.rows,
        result_bytes=limits.result_bytes,
        memory_mb=limits.memory_mb,
    )
