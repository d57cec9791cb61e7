"""Control database: state that users share, in SQLite beside the lake or in PostgreSQL by URL."""

import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from phantom_core.core.errors import UnavailableError
from phantom_core.core.workspace import WorkspacePaths, make_private_file, make_private_folder
from phantom_core.database.migrations import HEAD

METADATA = sa.MetaData()
_WRITES: Final = "phantom_writes"
# SQLite says OperationalError for mistakes in a statement as well.
_MISSING: Final = re.compile(r"no such|already exists|syntax error|has no column")
_REVISION: Final = sa.text("SELECT version_num FROM alembic_version")
# An arbitrary lock number of our own, on which writers of one PostgreSQL database wait.
_QUEUE: Final = 7_204_666_251


def open_database(url: str, workspace: Path) -> sa.Engine:
    """Engine of the control database, upgraded to the newest revision.

    Args:
        url: SQLAlchemy URL; empty means control.sqlite in the workspace.
        workspace: folder of the installation.
    Raises:
        UnavailableError: the database does not answer.
        ConflictError: a newer release made the database.
    """
    if not url:
        own = WorkspacePaths(workspace).control_database
        make_private_folder(workspace)
        make_private_file(own)
        url = f"sqlite:///{own}"
    engine = sa.create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1), pool_pre_ping=True
    )
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _for_many_processes)
        sa.event.listen(engine, "begin", _begin)
    sa.event.listen(engine, "handle_error", _say_unavailable)
    try:
        if not _is_current(engine):
            _upgrade(engine)
    except Exception as error:
        engine.dispose()
        if not isinstance(error, sa.exc.OperationalError):
            raise
        raise _unavailable(error.orig) from error
    return engine


class database_now_ms(FunctionElement[int]):  # noqa: N801 - an SQL function
    """The database's clock in UTC milliseconds, which all machines share."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(database_now_ms, "sqlite")
def _sqlite_now_ms(element: database_now_ms, compiler: SQLCompiler, **_: object) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiles(database_now_ms, "postgresql")
def _postgres_now_ms(element: database_now_ms, compiler: SQLCompiler, **_: object) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


@cache
def control_of(url: str, workspace: Path) -> sa.Engine:
    """The engine of an installation, created once per process."""
    return open_database(url, workspace)


@contextmanager
def write_transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction without concurrent writers: what it reads stays true until it commits."""
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_QUEUE)))
        yield connection


def _is_current(engine: sa.Engine) -> bool:
    """Whether the newest migration has run; one query, and no lock."""
    with engine.connect() as connection:
        try:
            return connection.execute(_REVISION).scalar() == HEAD
        except (sa.exc.OperationalError, sa.exc.ProgrammingError):  # no such table
            return False


def _upgrade(engine: sa.Engine) -> None:
    # Imported when needed: most processes find a database that is up to date.
    upgrade = importlib.import_module("phantom_core.database.upgrade").upgrade
    with write_transaction(engine) as connection:
        upgrade(connection)


def _say_unavailable(context: sa.ExceptionContext) -> UnavailableError | None:
    """Have a database that is locked, full or gone raise a sentence, whatever was asked of it."""
    error = context.sqlalchemy_exception
    if isinstance(error, sa.exc.OperationalError) and not _MISSING.search(str(error.orig)):
        return _unavailable(error.orig)
    return None


def _unavailable(cause: BaseException | None) -> UnavailableError:
    return UnavailableError(
        f"The control database does not answer: {str(cause).strip().splitlines()[0]}.",
        hint="Check PHANTOM_DATABASE_URL, the disk, and whether another process holds a lock.",
    )


def _for_many_processes(connection: SqliteConnection, _: object) -> None:
    # Transactions begin where SQLAlchemy begins them, not at the first statement that writes.
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout = 30000")
    connection.execute("PRAGMA journal_mode = WAL")


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
