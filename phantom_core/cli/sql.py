"""Verb about SQL: read the tables of a workspace."""

from pathlib import Path
from typing import Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, running


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT, or the name of a saved query.")],
    *,
    out: Annotated[
        Path | None, typer.Option(help="Write the rows to this Parquet or CSV file.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="At most this many rows.")] = 100_000,
    seconds: Annotated[float, typer.Option(min=0.1, help="Time limit, s.")] = 60.0,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Run one read-only SELECT over events, quotes, sessions with scores, and decisions."""
    from phantom_core.core.csv_file import write_table
    from phantom_core.core.errors import InputError
    from phantom_core.use_cases.workbench.saved_queries import EXAMPLES, query_names, read_query
    from phantom_core.views.workbench.query_run import QueryLimits
    from phantom_core.views.workbench.workbench import start_query
    from phantom_core.views.workspace.snapshot import open_snapshot, read_stamp

    with running(workspace, "querying", as_json=as_json) as (settings, _):
        known = (*query_names(settings), *EXAMPLES)
        text = read_query(settings, query) if query in known else query
        snapshot = open_snapshot(settings, read_stamp(settings))
        found = start_query(settings, snapshot, text, QueryLimits(seconds=seconds, rows=rows))
        found.wait()
        if found.table is None:
            raise InputError(found.problem, hint="")
        if out:
            write_table(found.table, out)
            emit({"rows": found.table.num_rows, "is_cut": found.is_cut, "out": str(out)}, as_json)
        elif as_json:
            emit({"rows": found.table.to_pylist(), "is_cut": found.is_cut}, as_json)
        else:
            print(found.table.to_pandas().to_string(index=False))
