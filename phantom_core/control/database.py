"""The control database: state that people share, in SQLite beside the lake or in PostgreSQL by URL."""

from pathlib import Path
from sqlite3 import Connection

import sqlalchemy as sa

METADATA = sa.MetaData()


def connect(url: str, workspace: Path) -> sa.Engine:
    """Engine of the control database, its tables made when they are missing.

    Args:
        url: SQLAlchemy URL; empty means control.sqlite in the workspace.
        workspace: folder of the installation.
    """
    if not url:
        workspace.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{workspace / 'control.sqlite'}"
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _for_many_processes)
    with engine.begin() as connection:
        for table in METADATA.sorted_tables:
            connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
    return engine


def _for_many_processes(connection: Connection, _: object) -> None:
    connection.execute("PRAGMA busy_timeout = 30000")
    connection.execute("PRAGMA journal_mode = WAL")
