"""Accounts of every role, for attacks from inside."""

from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.people import insert_account
from phantom_core.accounts.roles import Role
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction

PEOPLE: Final = {
    "ana": Role.ANALYST,
    "max": Role.MANAGER,
    "mia": Role.MANAGER,
    "vera": Role.VIEWER,
    "root": Role.ADMINISTRATOR,
}


def add_people(engine: sa.Engine) -> None:
    """Add an analyst, two managers, a viewer and an administrator."""
    with write_transaction(engine) as connection:
        for login, role in PEOPLE.items():
            insert_account(
                connection,
                login,
                name=login,
                role=role,
                origin="local",
                password="",
                must_change=False,
                now_ms=1,
            )
            known = {"role": role.value, "password": audit.fingerprint("")}
            audit.append_entry(connection, 1, "@shell", "person.added", f"person {login}", known)


def control(settings: Settings) -> sa.Engine:
    """The control database of an installation."""
    return control_engine(settings)
