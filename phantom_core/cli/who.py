"""Identity of a caller: accounts sign in with a password; demo people do not need one."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings

As = Annotated[
    str,
    typer.Option(
        "--as",
        envvar="PHANTOM_USER",
        help="Your login; the password comes from PHANTOM_PASSWORD or a prompt.",
    ),
]
Why = Annotated[str, typer.Option(help="Why, in a sentence; stored in the audit chain.")]


def identified(settings: "Settings", login: str, now_ms: int) -> str:
    """Identify the caller, by login and password; the verb acts as this account from now on.

    Raises:
        NotSignedInError: no login was given, or the password is wrong.
    """
    from phantom_core.accounts.account_actors import Account
    from phantom_core.accounts.actors import become
    from phantom_core.accounts.people import DEMO
    from phantom_core.accounts.sign_in import identify_account
    from phantom_core.approvals.limits import seeded_database

    password = os.environ.get("PHANTOM_PASSWORD")
    if login and login not in DEMO and password is None:
        password = typer.prompt(f"Password of {login}", hide_input=True, err=True)
    found = identify_account(seeded_database(settings), login, password, now_ms=now_ms)
    become(Account(found, owns_machine=True), settings)
    return found


def administrator(settings: "Settings", login: str, now_ms: int) -> str:
    """Identify an administrator; the machine's owner until there is one."""
    from phantom_core.accounts.people import MACHINE, has_administrator
    from phantom_core.approvals.limits import seeded_database

    with seeded_database(settings).connect() as connection:
        is_open = not has_administrator(connection)
    return MACHINE if is_open and not login else identified(settings, login, now_ms)
