"""The aggregator: all 29 features and the two outcomes per session, or per moment of a session."""

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

import duckdb
import pyarrow as pa

from phantom_core.features import catalogue

SCOPE: Final = pa.schema(
    [
        pa.field("scope_key", pa.int64()),
        pa.field("session_key", pa.int64()),
        pa.field("as_of_ms", pa.int64()),
    ]
)
OUTCOMES: Final = ("purchased", "total_revenue")
RELATIONS: Final = ("steps", "tallies", *catalogue.FAMILIES, "outcomes")


def feature_sql(relation: str) -> str:
    """Text of the SQL file that yields a relation.

    Args:
        relation: "temporal", "scope_one_moment", …
    """
    return (
        files("phantom_core.features")
        .joinpath("sql", f"{relation}.sql")
        .read_text(encoding="utf-8")
    )


def sql_hash() -> str:
    """SHA-256 over all SQL files and the steps that NumPy computes: equal hashes mean equally
    defined features.
    """
    folder = files("phantom_core.features")
    texts = [
        (file.name, file.read_text(encoding="utf-8"))
        for file in folder.joinpath("sql").iterdir()
        if file.name.endswith(".sql")
    ]
    texts.append(("steps.py", folder.joinpath("steps.py").read_text(encoding="utf-8")))
    return hashlib.sha256("".join(name + text for name, text in sorted(texts)).encode()).hexdigest()


def features_at(connection: duckdb.DuckDBPyConnection, as_of_ms: int | None = None) -> pa.Table:
    """Features of every session as it was known at one moment.

    Args:
        connection: has a relation `events` with the columns of schema.EVENTS.
        as_of_ms: events up to and with this moment count, UTC milliseconds; None means all.
    Returns:
        One row per session that has an event by then, ordered by session_key: session_key, 29
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
        One row per moment that has an event by then, ordered by scope_key: scope_key, 29 features,
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
        given: a SELECT for a relation that is there already, instead of its SQL file.
    """
    return _statement(
        {"scoped_events": feature_sql("scope_everything")} | given, "scope_key AS session_key"
    )


def moments_statement(**given: str) -> str:
    """The statement behind `features_at_moments`, over scoped events that are there already.

    Args:
        given: a SELECT for `scoped_events`, and for whatever else need not be computed by its SQL
            file.
    """
    return _statement(given, "scope_key")


def _statement(given: Mapping[str, str], key: str) -> str:
    """Compose the files of all families over `scoped_events`, one row per scope."""
    relations = dict(given) | {
        relation: feature_sql(relation) for relation in RELATIONS if relation not in given
    }
    # Inlined, so that each reads only the columns it needs; tallies are small and read three times.
    ctes = ", ".join(
        f"{name} AS {'' if name == 'tallies' else 'NOT'} MATERIALIZED (\n{text})"
        for name, text in relations.items()
    )
    return (
        f"WITH {ctes} SELECT {key}, {', '.join((*catalogue.feature_names(), *OUTCOMES))} FROM "
        "temporal "
        "JOIN behavioural USING (scope_key) JOIN product USING (scope_key) LEFT JOIN user_agent "
        "USING (scope_key) "
        "JOIN outcomes USING (scope_key)"
    )
