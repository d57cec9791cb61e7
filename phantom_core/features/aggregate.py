"""Aggregation: all features and outcomes per session, or per moment of a session."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

import duckdb
import pyarrow as pa

from phantom_core.features import catalogue
from phantom_core.features.relations import relations

SCOPE: Final = pa.schema(
    [
        pa.field("scope_key", pa.int64()),
        pa.field("session_key", pa.int64()),
        pa.field("as_of_ms", pa.int64()),
    ]
)
OUTCOMES: Final = tuple(catalogue.OUTCOMES)


@cache
def feature_sql(relation: str) -> str:
    """The SELECT statement of a relation: one of `relations()`, or a file of the folder `sql`.

    Args:
        relation: "tallies", "scope_one_moment", …
    """
    if text := relations().get(relation):
        return text
    return (
        files("phantom_core.features")
        .joinpath("sql", f"{relation}.sql")
        .read_text(encoding="utf-8")
    )


@cache
def sql_hash() -> str:
    """SHA-256 over all statements and steps.py: equal hashes mean equally defined features."""
    folder = files("phantom_core.features")
    names = [
        *relations(),
        *(
            file.name[:-4]
            for file in folder.joinpath("sql").iterdir()
            if file.name.endswith(".sql")
        ),
    ]
    texts = [(name, feature_sql(name)) for name in sorted(names)] + [
        ("steps.py", folder.joinpath("steps.py").read_text(encoding="utf-8"))
    ]
    return hashlib.sha256("".join(name + text for name, text in texts).encode()).hexdigest()


def features_at(connection: duckdb.DuckDBPyConnection, as_of_ms: int | None = None) -> pa.Table:
    """Features of every session as it was known at one moment.

    Args:
        connection: has a relation `events` with the columns of schema.EVENTS.
        as_of_ms: events up to and with this moment count, UTC milliseconds; None means all.
    Returns:
        One row per session that has an event by then, ordered by session_key: session_key, the
        features, purchased, total_revenue.
    """
    if as_of_ms is None:
        return connection.sql(f"{everything_statement()} ORDER BY session_key").to_arrow_table()
    relations = {
        "scope": f"SELECT CAST({as_of_ms} AS BIGINT) AS as_of_ms",
        "scoped_events": feature_sql("scope_one_moment"),
    }
    return connection.sql(
        f"{_statement(relations, 'scope_key AS session_key')} ORDER BY session_key"
    ).to_arrow_table()


def features_at_moments(connection: duckdb.DuckDBPyConnection, scope: pa.Table) -> pa.Table:
    """Features of sessions at moments of their own, any number per session.

    Args:
        connection: has a relation `events` with the columns of schema.EVENTS.
        scope: moments with the columns of SCOPE; scope_key is unique, as_of_ms in UTC milliseconds.
    Returns:
        One row per moment that has an event by then, ordered by scope_key: scope_key, the features,
        purchased, total_revenue.
    """
    connection.register("moments_of_scope", scope.select(SCOPE.names).cast(SCOPE))
    try:
        relations = {
            "scope": "SELECT * FROM moments_of_scope",
            "scoped_events": feature_sql("scope_moments"),
        }
        return connection.sql(
            f"{_statement(relations, 'scope_key')} ORDER BY scope_key"
        ).to_arrow_table()
    finally:
        connection.unregister("moments_of_scope")


def everything_statement(**given: str) -> str:
    """The statement behind `features_at` without a moment.

    Args:
        given: a SELECT for a relation that is there already, instead of its own.
    """
    return _statement(
        {"scoped_events": feature_sql("scope_everything")} | given, "scope_key AS session_key"
    )


def moments_statement(**given: str) -> str:
    """The statement behind `features_at_moments`, over scoped events that are there already.

    Args:
        given: a SELECT for `scoped_events`, and for whatever else need not be computed by its own
            statement.
    """
    return _statement(given, "scope_key")


def _statement(given: dict[str, str], key: str) -> str:
    """Compose all relations over `scoped_events`, one row per scope."""
    # Inlined, so that each reads only the columns it needs.
    ctes = ", ".join(
        f"{name} AS NOT MATERIALIZED (\n{text})"
        for name, text in (given | relations() | given).items()
    )
    return (
        f"WITH {ctes} SELECT {key}, {', '.join((*catalogue.feature_names(), *OUTCOMES))} FROM "
        "features"
    )
