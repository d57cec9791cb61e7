"""The role that the application connects as may do its work, and nothing to tables and triggers."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.errors import UnavailableError
from phantom_core.core.settings import Settings
from phantom_core.database.connection import METADATA, control_of, open_database
from phantom_core.database.constraints import constraints
from phantom_core.database.upgrade import import_tables
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.publish_rules import kill_live_rules, publish_request
from tests.databases import HAS_POSTGRES, POSTGRES_URL
from tests.security.governed import CHEAPER, NOW, approved, installation, submitted

pytestmark = [pytest.mark.postgres, HAS_POSTGRES]
SCRIPTS = Path(__file__).parents[2] / "deploy" / "postgres"


def run(url: str, *statements: str) -> None:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def url_of(role: str) -> str:
    parts = urlsplit(POSTGRES_URL)
    return parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}").geturl()


@pytest.fixture(scope="module")
def name() -> Iterator[str]:
    """Roles and schema of the scripts under a name of their own, with up-to-date tables."""
    name = f"phantom_{uuid.uuid4().hex[:8]}"
    roles, grants = (
        (SCRIPTS / script)
        .read_text()
        .replace("phantom_", f"{name}_")
        .replace("SCHEMA phantom", f"SCHEMA {name}")
        .replace("search_path = phantom", f"search_path = {name}")
        for script in ("roles.sql", "grants.sql")
    )
    run(POSTGRES_URL, roles)
    try:
        open_database(url_of(f"{name}_owner"), Path()).dispose()
        run(url_of(f"{name}_owner"), grants)
        yield name
    finally:
        run(
            POSTGRES_URL,
            f"DROP SCHEMA {name} CASCADE",
            f"DROP OWNED BY {name}_app",
            f"DROP ROLE {name}_owner, {name}_app",
        )


@pytest.fixture(scope="module")
def shop(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An installation that connects as the application's role."""
    with installation(
        tmp_path_factory.mktemp("roles") / "shop", database_url=url_of(f"{name}_app")
    ) as settings:
        yield settings


def test_the_application_s_role_proposes_approves_publishes_and_kills(shop: Settings) -> None:
    publish_request(shop, "max", approved(shop, submitted(shop)), now_ms=NOW)
    assert kill_live_rules(shop, "max", why="Look.", now_ms=NOW).is_killed
    assert submitted(shop, text=CHEAPER).state == "submitted"


@pytest.mark.parametrize("table", ["audit", "decisions", "change_requests", "releases", "people"])
def test_the_application_s_role_changes_no_table_and_no_trigger(
    shop: Settings, name: str, table: str
) -> None:
    engine = control_database(shop)
    for statement in (
        f"DROP TABLE {table} CASCADE",
        f"TRUNCATE {table}",
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        f"ALTER TABLE {table} ADD COLUMN more TEXT",
        f"ALTER TABLE {table} OWNER TO {name}_app",
        f"CREATE TRIGGER mine BEFORE INSERT ON {table} EXECUTE FUNCTION audit_no_update()",
        "DROP TRIGGER audit_no_update ON audit",
        "DROP FUNCTION audit_no_update() CASCADE",
        "CREATE OR REPLACE FUNCTION audit_no_update() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN RETURN NEW; END'",
        "DROP INDEX one_live",
        f"CREATE TABLE {name}.mine (a INT)",
        "SET session_replication_role = replica",
        "UPDATE alembic_version SET version_num = '0001'",
    ):
        with pytest.raises(sa.exc.ProgrammingError), engine.begin() as connection:
            connection.execute(sa.text(statement))


def restarted(settings: Settings) -> None:
    """Open the database as another process would."""
    control_of.cache_clear()
    try:
        control_engine(settings)
    finally:
        control_of(settings.database_url, settings.workspace).dispose()


def test_grants_name_every_table_that_is_kept(shop: Settings) -> None:
    """A table whose rows must stay is refused by rights as well as by its constraints."""
    import_tables()
    with control_database(shop).connect() as connection:
        for one in constraints(METADATA):
            for verb in ("DELETE", "UPDATE"):
                if one.name == f"{one.table}_no_{verb.lower()}":
                    right = sa.select(sa.func.has_table_privilege(one.table, verb))
                    assert not connection.execute(right).scalar(), f"{verb} of {one.table}"


def test_without_the_owner_a_missing_constraint_is_said_and_nothing_is_opened(
    shop: Settings, name: str
) -> None:
    owner = url_of(f"{name}_owner")
    run(owner, "ALTER TABLE audit DISABLE TRIGGER audit_no_update")
    with pytest.raises(UnavailableError, match="lacks constraints, and they cannot be created"):
        restarted(shop)
    restarted(shop.model_copy(update={"database_url": owner}))
    restarted(shop)


def test_these_tests_run_where_postgres_is_asked_for() -> None:
    assert os.environ["PHANTOM_TEST_POSTGRES_URL"] == POSTGRES_URL
