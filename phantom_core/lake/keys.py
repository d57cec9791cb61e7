"""Keys: a connection with the key macro, for code that writes rows without staging them."""

from importlib.resources import files

import duckdb


def connect_with_keys() -> duckdb.DuckDBPyConnection:
    """A DuckDB connection of its own that knows `key_of`."""
    connection = duckdb.connect()
    connection.execute(
        files("phantom_core.events").joinpath("sql", "keys.sql").read_text(encoding="utf-8")
    )
    return connection
