"""Upgrade: migrations of a control database up to the newest revision."""

import importlib
import logging
import pkgutil
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import phantom_core
from phantom_core.core.errors import ConflictError
from phantom_core.database import audit, migrations
from phantom_core.database.connection import METADATA, database_now_ms
from phantom_core.database.constraints import (
    constraints,
    create_constraints,
    damaged_constraints,
    drop_constraints,
    missing_indexes,
    restore_constraints,
)

# Packages with tables in the control database; named, as the layers do not allow to import them.
RESTORED: Final = "constraints.restored"
SYSTEM: Final = "@database"
_LOG: Final = logging.getLogger(__name__)
ROOMS: Final = ("accounts", "alerts", "approvals", "database", "jobs", "labels")


def upgrade(connection: sa.Connection) -> None:
    """Run the missing revisions of a database, all or none.

    Args:
        connection: of `write_transaction`, so that one process upgrades and the others wait.
    Raises:
        ConflictError: a newer release made this database.
    """
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    context = MigrationContext.configure(connection)
    current = context.get_current_revision()
    if current == scripts.get_current_head():
        return
    if current not in {None, *(one.revision for one in scripts.walk_revisions())}:
        raise ConflictError(
            f"The control database has revision {current}, which this release does not know.",
            hint="Install the release that made it, or a newer one.",
        )
    drop_constraints(connection)
    with Operations.context(context):
        for revision in reversed(list(scripts.iterate_revisions("head", current))):
            revision.module.upgrade()
    import_tables()
    create_constraints(connection, constraints(METADATA))
    context.stamp(scripts, "head")


def repair(connection: sa.Connection) -> tuple[str, ...]:
    """Create the constraints that a database lacks, with an entry in the audit chain.

    Args:
        connection: of `write_transaction`.
    Returns:
        Names of those that were missing, switched off or changed.
    """
    import_tables()
    damaged = damaged_constraints(connection, constraints(METADATA))
    indexes = missing_indexes(connection, METADATA)
    names = (*(one.name for one in damaged), *(str(one.name) for one in indexes))
    if not names:
        return ()
    for index in indexes:
        connection.execute(sa.schema.CreateIndex(index))
    restore_constraints(connection, damaged)
    now_ms = int(connection.execute(sa.select(database_now_ms())).scalar_one())
    audit.append_entry(
        connection, now_ms, SYSTEM, RESTORED, "control database", {"constraints": list(names)}
    )
    _LOG.error("The control database lacked constraints, now restored: %s.", ", ".join(names))
    return names


def import_tables() -> None:
    """Import every module that defines a table or a database constraint."""
    for folder in map(Path, phantom_core.__path__):
        for room in ROOMS:
            for module in pkgutil.iter_modules([str(folder / room)], f"phantom_core.{room}."):
                importlib.import_module(module.name)
