"""Accounts of every role, for those who attack with them."""

from typing import Final

from phantom_core.accounts.people import MACHINE, add_person
from phantom_core.accounts.roles import Role
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.change_requests import control_database

PASSWORD: Final = "correct horse battery"
ACCOUNTS: Final = {
    "root": Role.ADMINISTRATOR,
    "vera": Role.VIEWER,
    "ana": Role.ANALYST,
    "max": Role.MANAGER,
    "mia": Role.MANAGER,
}


def add_accounts(settings: Settings) -> None:
    """Add an administrator, and by them a viewer, an analyst and two managers."""
    engine = control_database(settings)
    for login, role in ACCOUNTS.items():
        add_person(
            engine,
            MACHINE if login == "root" else "root",
            login,
            name=login.title(),
            role=role,
            password=PASSWORD,
            now_ms=1,
            must_change=False,
        )
