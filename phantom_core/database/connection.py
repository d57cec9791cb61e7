"""Control database: state that users share, in SQLite beside the lake or in PostgreSQL by URL."""

import importlib
import logging
import re
from collections.abc import Callable, Iterator
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
from phantom_core.database.constraints import fingerprint
from phantom_core.database.migrations import FINGERPRINTS, HEAD

METADATA = sa.MetaData()
_LOG: Final = logging.getLogger("phantom.database")
_WRITES: Final = "phantom_writes"
# SQLite says OperationalError for mistakes in a statement as well.
_MISSING: Final = re.compile(r"no such|already exists|syntax error|has no column")
_AFTER: Final = "phantom_after_commit"
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
    with engine.connect().execution_options(**{_WRITES: True}) as connection:
        waiting: list[Callable[[], None]] = []
        connection.info[_AFTER] = waiting
        try:
            with connection.begin():
                if engine.dialect.name == "postgresql":
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_QUEUE)))
                yield connection
        finally:
            del connection.info[_AFTER]
    for call in waiting:
        try:
            call()
        except Exception:
            _LOG.exception("A step after a commit failed; what was committed stays.")


def after_commit(connection: sa.Connection, call: Callable[[], None]) -> None:
    """Call a function once the `write_transaction` of a connection is committed.

    An error of it is logged and changes nothing. Without such a transaction it is never called.
    """
    waiting = connection.info.get(_AFTER)
    if waiting is not None:
        waiting.append(call)


def is_writing(connection: sa.Connection) -> bool:
    """Whether a connection is one of `write_transaction`."""
    return bool(connection.get_execution_options().get(_WRITES, False))


def _is_current(engine: sa.Engine) -> bool:
    """Whether the newest migration has run; one query, and no lock."""
    with engine.connect() as connection:
        try:
            return connection.execute(_REVISION).scalar() == HEAD
        except (sa.exc.OperationalError, sa.exc.ProgrammingError):  # no such table
            return False


def has_constraints(engine: sa.Engine) -> bool:
    """Whether a database of the newest revision has every database constraint, in force."""
    with engine.connect() as connection:
        return fingerprint(connection) == FINGERPRINTS[engine.dialect.name]


def repair_database(engine: sa.Engine) -> tuple[str, ...]:
    """Create missing or changed database constraints again; returns their names.

    Raises:
        UnavailableError: this role may not do it, or rows contradict a constraint by now.
    """
    # Imported when needed: most processes find a database that is up to date.
    repair = importlib.import_module("phantom_core.database.upgrade").repair
    try:
        with write_transaction(engine) as connection:
            found: tuple[str, ...] = repair(connection)
    except (sa.exc.ProgrammingError, sa.exc.IntegrityError) as error:
        raise UnavailableError(
            "The control database lacks constraints, and they cannot be created again: "
            f"{str(error.orig).strip().splitlines()[0]}.",
            hint="Somebody changed it. Verify the audit chain, restore a backup, or open it once "
            "with the role that owns its tables.",
        ) from error
    return found


def _upgrade(engine: sa.Engine) -> None:
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
    # What is deleted is overwritten, so that no free page holds it.
    connection.execute("PRAGMA secure_delete = ON")


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
