"""The control database in both kinds, each test in a fresh one."""

import os
import sqlite3
import tempfile
import uuid
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import pytest
import sqlalchemy as sa

from phantom_core.accounts.sign_in import sign_in_demo
from phantom_core.database.connection import open_database, write_transaction

POSTGRES_URL = os.environ.get("PHANTOM_TEST_POSTGRES_URL", "")
HAS_POSTGRES = pytest.mark.skipif(not POSTGRES_URL, reason="PHANTOM_TEST_POSTGRES_URL is not set")
DATABASES = ["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, HAS_POSTGRES])]


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of an empty database; empty for SQLite in the workspace."""
    if request.param == "sqlite":
        yield ""
        return
    with fresh_schema() as url:
        yield url


@pytest.fixture
def engine(database_url: str, tmp_path: Path) -> Iterator[sa.Engine]:
    """A database with a demo analyst and a demo manager."""
    made = open_database(database_url, tmp_path)
    for login in ("demo-analyst", "demo-manager"):
        sign_in_demo(made, login, now_ms=1, hours=1)
    yield made
    made.dispose()


class UpgradedOnce:
    """Upgrades SQLite databases that are empty by the statements that the migrations led to.

    Args:
        upgrade: runs the migrations.
    """

    def __init__(self, upgrade: Callable[[sa.Engine], None]) -> None:
        self.every_time = upgrade

    def __call__(self, engine: sa.Engine) -> None:
        if engine.dialect.name == "sqlite":
            with write_transaction(engine) as connection:
                if not connection.exec_driver_sql("SELECT 1 FROM sqlite_master").first():
                    for statement in self._statements:
                        connection.exec_driver_sql(statement)
                    return
        self.every_time(engine)

    @cached_property
    def _statements(self) -> tuple[str, ...]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "control.sqlite"
            engine = sa.create_engine(f"sqlite:///{path}")
            self.every_time(engine)
            engine.dispose()
            made = sqlite3.connect(path)
            statements = tuple(made.iterdump())
            made.close()
        return statements[1:-1]  # without BEGIN and COMMIT


class fresh_schema:  # noqa: N801 - used like contextlib's
    """A schema of its own in the PostgreSQL of the tests, gone afterwards."""

    def __enter__(self) -> str:
        self._name = f"phantom_{uuid.uuid4().hex[:12]}"
        self._run(f"CREATE SCHEMA {self._name}")
        return f"{POSTGRES_URL}?options=-csearch_path%3D{self._name}"

    def __exit__(self, *_: object) -> None:
        self._run(f"DROP SCHEMA {self._name} CASCADE")

    def _run(self, text: str) -> None:
        engine = sa.create_engine(POSTGRES_URL.replace("postgresql://", "postgresql+psycopg://", 1))
        with engine.begin() as connection:
            connection.execute(sa.text(text))
        engine.dispose()
