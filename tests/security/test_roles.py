"""Each role on each page and with each verb: allowed and refused as documented."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from phantom_core.accounts.people import add_person, change_person
from phantom_core.accounts.roles import PERMISSIONS, Permission, Role
from phantom_core.accounts.sign_in import sign_in as open_session
from phantom_core.cli import app
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.rules.text import parse_rules
from phantom_core.use_cases.approvals.change_requests import control_database, propose_rules
from phantom_core.use_cases.data.demo import remove_demo
from tests.cli.verbs import Phantom
from tests.pages.browser import served
from tests.pages.conftest import SCREENS
from tests.security.accounts import ACCOUNTS, PASSWORD, add_accounts
from tests.security.websocket_client import sign_in, window

pytestmark = pytest.mark.slow

DOOR = "No account? Ask an administrator"
# The permission that each verb with an account needs, by its words.
VERBS = {
    "rules submit": Permission.PROPOSE,
    "rules approve": Permission.APPROVE,
    "rules reject": Permission.APPROVE,
    "rules withdraw": Permission.PROPOSE,
    "rules rebase": Permission.PROPOSE,
    "rules schedule": Permission.PUBLISH,
    "rules publish": Permission.PUBLISH,
    "rules share": Permission.PUBLISH,
    "rules rollback": Permission.PUBLISH,
    "rules kill": Permission.KILL,
    "rules revive": Permission.PUBLISH,
    "rules heal": Permission.KILL,
    "experiments start": Permission.PUBLISH,
    "experiments stop": Permission.KILL,
    "user add": Permission.PEOPLE,
    "user change": Permission.PEOPLE,
    "user password": Permission.PEOPLE,
    "user confirm": Permission.PEOPLE,
    "limits": Permission.LIMITS,
}
NEW = "another long one"
ARGUMENTS = {
    "rules submit": ["RULES", "--why", "because"],
    "rules approve": ["1"],
    "rules reject": ["1", "--comment", "because"],
    "rules withdraw": ["1"],
    "rules rebase": ["1"],
    "rules schedule": ["1", "--at", "2100-01-01T00:00"],
    "rules publish": ["1"],
    "rules share": ["0.5", "--why", "because"],
    "rules rollback": ["--why", "because"],
    "rules kill": ["--why", "because"],
    "rules revive": ["--why", "because"],
    "rules heal": ["--why", "because"],
    "experiments start": ["x"],
    "experiments stop": ["x", "--why", "because"],
    "user add": ["new", "--role", "viewer", "--password", NEW],
    "user change": ["vera", "--off"],
    "user password": ["vera", "--password", NEW],
    "user confirm": ["max"],
    "limits": ["human_premium_cap=0.01"],
}
# Every verb for who may nothing, and one of each permission for the others.
TRIED = {
    "": tuple(VERBS),
    "gone": ("rules approve", "rules kill", "user add"),
    "vera": tuple(VERBS),
    "ana": ("rules approve", "rules publish", "rules kill", "user add", "limits"),
    "max": ("user add", "user confirm", "limits"),
    "root": ("rules submit", "rules approve", "rules share"),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with an account of each role, one of them deactivated."""
    settings = Settings(
        workspace=tmp_path_factory.mktemp("roles") / "shop", redis_url="", database_url=""
    )
    remove_demo(settings)
    add_accounts(settings)
    add_person(
        control_database(settings),
        "root",
        "gone",
        name="Gone",
        role=Role.MANAGER,
        password=PASSWORD,
        now_ms=1,
        must_change=False,
    )
    propose_rules(settings, "ana", parse_rules("ELSE markup 1.0\n", "x"), why="because", now_ms=2)
    return settings


@pytest.fixture(scope="module")
def token_of_gone(shop: Settings) -> str:
    """A sign-in of an account that was deactivated afterwards."""
    engine, now_ms = control_database(shop), time.time_ns() // 1_000_000
    token = open_session(engine, "gone", PASSWORD, now_ms=now_ms, hours=1)
    change_person(engine, "root", "gone", now_ms=2, is_active=False)
    return token


@pytest.fixture(scope="module")
def url(shop: Settings) -> Iterator[str]:
    """Its app."""
    with served(shop.workspace) as found:
        yield found


@pytest.mark.parametrize("is_visitor", [True, False])
def test_without_an_active_account_every_page_is_the_door(
    url: str, token_of_gone: str, is_visitor: bool
) -> None:
    with window(url, "" if is_visitor else token_of_gone) as seen:
        for page in ("", *SCREENS):
            drawn = seen.run(page)
            assert any(DOOR in text for text in drawn.texts), page
            assert not drawn.tracebacks


@pytest.mark.parametrize("login", ["vera", "ana", "max", "root"])
def test_every_role_opens_every_page(url: str, login: str) -> None:
    with window(url, sign_in(url, login, PASSWORD)) as seen:
        seen.run()
        for page in SCREENS:
            drawn = seen.run(page)
            assert drawn.texts, page
            assert not any(DOOR in text for text in drawn.texts), page
            assert not drawn.tracebacks, (page, drawn.tracebacks)


@pytest.mark.parametrize("login", TRIED)
@pytest.mark.usefixtures("token_of_gone")
def test_verbs_do_what_the_role_allows_and_no_more(
    shop: Settings, tmp_path: Path, login: str
) -> None:
    assert set(VERBS) <= set(verbs_with_accounts())
    before = len(entries(shop))
    for verb in TRIED[login]:
        assert login not in ACCOUNTS or VERBS[verb] not in PERMISSIONS[ACCOUNTS[login]]
        done = Phantom(shop.workspace).run(
            *verb.split(),
            *arguments(verb, tmp_path),
            "--json",
            who=login,
            PHANTOM_PASSWORD=PASSWORD,
        )
        assert done.code == 1, (verb, done.out, done.err)
        expected = {"": "needs an account", "gone": "Wrong login or password"}
        assert expected.get(login, f"may not {VERBS[verb]}") in done.document["error"], verb
    assert [one for one in entries(shop)[before:] if one.action not in SIGNED] == []


SIGNED = ("signed.in", "sign.in.refused")


def entries(settings: Settings) -> list[audit.AuditEntry]:
    with control_database(settings).connect() as connection:
        return audit.list_entries(connection)


def verbs_with_accounts() -> dict[str, Any]:
    """Verbs that take --as, by their words."""
    return {
        name: command
        for name, command in _walk("", typer.main.get_command(app))
        if any("--as" in option.opts for option in command.params)
    }


def _walk(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    for name, one in getattr(command, "commands", {}).items():
        yield from _walk(f"{words} {name}".strip(), one)
    if not hasattr(command, "commands"):
        yield words, command


def arguments(verb: str, folder: Path) -> list[str]:
    """Arguments with which a verb begins its work."""
    rules = folder / "rules.txt"
    rules.write_text("ELSE markup 1.0\n")
    return [str(rules) if one == "RULES" else one for one in ARGUMENTS[verb]]
