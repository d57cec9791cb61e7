"""Keys: the macro that makes them, for whoever writes rows without staging them."""

from importlib.resources import files

import duckdb


def with_keys() -> duckdb.DuckDBPyConnection:
    """A DuckDB connection of its own that knows `key_of`."""
    connection = duckdb.connect()
    connection.execute(
        files("phantom_core.events").joinpath("sql", "keys.sql").read_text(encoding="utf-8")
    )
    return connection
