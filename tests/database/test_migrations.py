"""A database of any earlier release becomes what a new one is, and loses nothing."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from phantom_core.core.errors import ConflictError, UnavailableError
from phantom_core.database import audit, migrations
from phantom_core.database.connection import METADATA, open_database, write_transaction
from phantom_core.database.constraints import constraints, digest, fingerprint
from phantom_core.database.upgrade import import_tables
from tests.database import earlier
from tests.databases import DATABASES, fresh_schema

IMPORT_AND_CONNECT = """
import sys
from pathlib import Path
from phantom_core.database.connection import open_database
open_database(sys.argv[1], Path(sys.argv[2]))
"""


@contextmanager
def plain(url: str, workspace: Path) -> Iterator[sa.Engine]:
    """The database as it is, not brought up to date."""
    url = (
        url.replace("postgresql://", "postgresql+psycopg://", 1)
        or f"sqlite:///{workspace / 'control.sqlite'}"
    )
    engine = sa.create_engine(url)
    yield engine
    engine.dispose()


def shape(engine: sa.Engine) -> dict[str, object]:
    """Tables, columns in any order, keys, indexes and triggers."""
    inspector = sa.inspect(engine)
    return {name: _table(inspector, name) for name in inspector.get_table_names()} | {
        "triggers": triggers(engine)
    }


def triggers(engine: sa.Engine) -> list[tuple[str, ...]]:
    """Name and text of every trigger, and of the function behind it."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    if engine.dialect.name == "postgresql":
        query = (
            "SELECT t.tgname, pg_get_triggerdef(t.oid), p.prosrc FROM pg_trigger t JOIN pg_class "
            "c ON c.oid = t.tgrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = t.tgfoid "
            "WHERE n.nspname = current_schema() AND NOT t.tgisinternal ORDER BY t.tgname"
        )
    with engine.connect() as connection:
        return [tuple(map(_anywhere, row)) for row in connection.execute(sa.text(query))]


def _table(inspector: sa.Inspector, name: str) -> dict[str, object]:
    columns = {
        str(one["name"]): (
            str(one["type"]),
            one["nullable"],
            _anywhere(one["default"]),
            one.get("autoincrement"),
        )
        for one in inspector.get_columns(name)
    }
    indexes = sorted(inspector.get_indexes(name), key=lambda one: str(one["name"]))
    return {
        "columns": columns,
        "key": inspector.get_pk_constraint(name),
        "unique": inspector.get_unique_constraints(name),
        "indexes": [
            (one["name"], one["unique"], one["column_names"], _where(one)) for one in indexes
        ],
    }


def _where(index: object) -> list[str]:
    assert isinstance(index, dict)
    return sorted(f"{key} {value}" for key, value in index.get("dialect_options", {}).items())


def _anywhere(text: object) -> str:
    """Without the name of the schema that a test runs in."""
    return re.sub(r"phantom_[0-9a-f]{12}\.", "", str(text))


@pytest.fixture(params=DATABASES, scope="module")
def fresh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, object]:
    """The shape of a new database."""
    folder = tmp_path_factory.mktemp("fresh")
    if request.param == "sqlite":
        return {"sqlite": _fresh("", folder)}
    with fresh_schema() as url:
        return {"postgresql": _fresh(url, folder)}


def _fresh(url: str, workspace: Path) -> dict[str, object]:
    engine = open_database(url, workspace)
    found = shape(engine)
    engine.dispose()
    return found


@pytest.fixture
def url(fresh: dict[str, object]) -> Iterator[str]:
    """An empty database of the same kind."""
    if "sqlite" in fresh:
        yield ""
        return
    with fresh_schema() as made:
        yield made


@pytest.mark.parametrize("release", earlier.RELEASES)
def test_an_upgraded_database_is_a_new_one_with_its_rows(
    fresh: dict[str, object], url: str, tmp_path: Path, release: str
) -> None:
    with plain(url, tmp_path) as old, old.begin() as connection:
        earlier.create(connection, release)
    engine = open_database(url, tmp_path)
    assert shape(engine) == fresh[engine.dialect.name]
    with engine.connect() as connection:
        for name in earlier.RELEASES[release]:
            table = METADATA.tables[name.split(" ")[0]]
            expected = [dict(row) for row in earlier.rows()[table.name]]
            columns = [table.c[key] for key in expected[0] if (name, key) != ("jobs 1", "who")]
            found = [dict(row) for row in connection.execute(sa.select(*columns)).mappings()]
            assert sorted(found, key=str) == sorted(
                ({column.name: row[column.name] for column in columns} for row in expected), key=str
            )
        verdict = audit.verify_audit_chain(connection)
    assert verdict.holds
    assert verdict.n_entries == (18 if "audit" in earlier.RELEASES[release] else 0)
    engine.dispose()


@pytest.mark.parametrize("release", ["jobs", "last before migrations"])
def test_a_job_that_runs_during_an_upgrade_may_end(url: str, tmp_path: Path, release: str) -> None:
    with plain(url, tmp_path) as old, old.begin() as connection:
        earlier.create(connection, release)
    engine = open_database(url, tmp_path)
    jobs = METADATA.tables["jobs"]
    with engine.connect() as connection:
        leases = connection.execute(
            sa.select(jobs.c.state, jobs.c.lease_until_ms - jobs.c.changed_ms)
        ).all()
    assert [lease for state, lease in leases if state == "running"] == [3_600_000]
    engine.dispose()


def test_definitions_in_code_are_what_migrations_make(url: str, tmp_path: Path) -> None:
    engine = open_database(url, tmp_path)
    import_tables()
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, METADATA) == []
    assert {row[0] for row in triggers(engine)} == {
        one.name for one in constraints(METADATA) if one.is_of(engine.dialect.name)
    }
    with engine.connect() as connection:
        assert fingerprint(connection) == migrations.FINGERPRINTS[engine.dialect.name], (
            "set FINGERPRINTS, see phantom_core.database.migrations"
        )
    engine.dispose()


def test_the_newest_migration_knows_every_database_constraint() -> None:
    import_tables()
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_current_head() == migrations.HEAD
    assert digest(constraints(METADATA)) == migrations.CONSTRAINTS, (
        "add a migration, see phantom_core.database.migrations"
    )


@pytest.mark.parametrize("release", ["", "approvals"])
def test_processes_that_start_at_once_upgrade_once(
    fresh: dict[str, object], url: str, tmp_path: Path, release: str
) -> None:
    with plain(url, tmp_path) as old, old.begin() as connection:
        if release:
            earlier.create(connection, release)
    command = [sys.executable, "-c", IMPORT_AND_CONNECT, url, str(tmp_path)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[1] for process in processes] == [""] * 4
    with plain(url, tmp_path) as engine:
        assert shape(engine) == fresh[engine.dialect.name]


def test_an_up_to_date_database_is_only_looked_at_beside_a_writer(url: str, tmp_path: Path) -> None:
    engine = open_database(url, tmp_path)
    asked: list[str] = []

    def note(*arguments: object) -> None:
        asked.append(str(arguments[2]))

    with write_transaction(engine):
        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        open_database(url, tmp_path).dispose()
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert [text for text in asked if "alembic" in text] == [
        "SELECT version_num FROM alembic_version"
    ]
    assert not [text for text in asked if "trigger" in text]
    assert [text for text in asked if not text.strip().startswith(("SELECT ", "BEGIN"))] == []
    engine.dispose()


def test_a_database_of_a_newer_release_is_left_alone(url: str, tmp_path: Path) -> None:
    engine = open_database(url, tmp_path)
    with write_transaction(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConflictError, match="revision 9999"):
        open_database(url, tmp_path)
    engine.dispose()


def test_an_upgrade_that_fails_changes_nothing(url: str, tmp_path: Path) -> None:
    with plain(url, tmp_path) as engine:
        with engine.begin() as connection:
            earlier.create(connection, "approvals")
            connection.execute(sa.text("ALTER TABLE jobs ADD COLUMN host TEXT"))
        before = shape(engine)
        with pytest.raises((UnavailableError, sa.exc.ProgrammingError)):
            open_database(url, tmp_path)
        assert shape(engine) == before
        assert len(triggers(engine)) > 10


def test_triggers_that_an_operator_made_stay(tmp_path: Path) -> None:
    with plain("", tmp_path) as old, old.begin() as connection:
        earlier.create(connection, "last before migrations")
        connection.execute(
            sa.text("CREATE TRIGGER theirs AFTER INSERT ON jobs BEGIN DELETE FROM turns; END")
        )
    engine = open_database("", tmp_path)
    assert "theirs" in {row[0] for row in triggers(engine)}
    engine.dispose()
