"""The control database: state that people share, in SQLite beside the lake or in PostgreSQL by
URL.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Final

import sqlalchemy as sa

from phantom_core.core.errors import UnavailableError

METADATA = sa.MetaData()
_WRITES: Final = "phantom_writes"
# Every module that defines a table: one that is imported later would be missing in a database that
# is open by then.
_TABLES: Final = (
    "accounts.people",
    "accounts.sign_in",
    "alerts.alerts",
    "alerts.watch_log",
    "approvals.limits",
    "approvals.price_experiments",
    "approvals.releases",
    "approvals.requests",
    "database.audit",
    "jobs.jobs",
    "jobs.schedule_leases",
)
# Any number that nobody else uses: writers of one PostgreSQL database queue up behind it.
_QUEUE: Final = 7_204_666_251


def open_database(url: str, workspace: Path) -> sa.Engine:
    """Engine of the control database, its tables made when they are missing.

    Args:
        url: SQLAlchemy URL; empty means control.sqlite in the workspace.
        workspace: folder of the installation.
    Raises:
        UnavailableError: the database does not answer.
    """
    if not url:
        workspace.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{workspace / 'control.sqlite'}"
    engine = sa.create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1), pool_pre_ping=True
    )
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _for_many_processes)
        sa.event.listen(engine, "begin", _begin)
    try:
        with write_transaction(engine) as connection:
            _make_tables(connection)
    except sa.exc.OperationalError as error:
        raise UnavailableError(
            f"The control database does not answer: {str(error.orig).strip().splitlines()[0]}.",
            hint="Check PHANTOM_DATABASE_URL.",
        ) from error
    return engine


@cache
def control_of(url: str, workspace: Path) -> sa.Engine:
    """The engine of an installation, made once a process."""
    return open_database(url, workspace)


@contextmanager
def write_transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that nobody writes beside: what is read in it still holds when it writes."""
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_QUEUE)))
        yield connection


def _make_tables(connection: sa.Connection) -> None:
    _know_tables()
    inspector = sa.inspect(connection)
    known = set(inspector.get_table_names())
    for table in METADATA.sorted_tables:
        if table.name in known:
            _add_missing_columns(
                connection,
                table,
                {str(column["name"]) for column in inspector.get_columns(table.name)},
            )
        else:
            METADATA.create_all(connection, [table])


def _know_tables() -> None:
    """Import whatever defines a table: one that is imported later would be missing in a database
    that is open by then.
    """
    for module in _TABLES:
        importlib.import_module(f"phantom_core.{module}")


def _add_missing_columns(connection: sa.Connection, table: sa.Table, known: set[str]) -> None:
    """Bring a table that an earlier release made up to date; what is added later has a default."""
    for column in table.columns:
        if column.name not in known:
            text = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
            connection.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN {text}"))


def _for_many_processes(connection: SqliteConnection, _: object) -> None:
    connection.isolation_level = (
        None  # transactions begin where SQLAlchemy says, not at the first statement that writes
    )
    connection.execute("PRAGMA busy_timeout = 30000")
    connection.execute("PRAGMA journal_mode = WAL")


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
