"""No name passes for another one: accounts, rules, and ids that were erased."""

from pathlib import Path

import pytest

from phantom_core.accounts.actors import Internal
from phantom_core.accounts.identity import identity_of_claims
from phantom_core.accounts.people import add_person, find_account
from phantom_core.accounts.roles import Role
from phantom_core.approvals import requests
from phantom_core.approvals.change_request import Proposal
from phantom_core.core.errors import ConflictError, InputError, PhantomError
from phantom_core.core.lookalikes import check_name, skeleton, visible_text
from phantom_core.core.settings import Settings
from phantom_core.database.connection import write_transaction
from phantom_core.lake.erased import ErasedIds
from phantom_core.use_cases.approvals.change_requests import control_database
from tests.security.people import add_people

PASSWORD = "correct horse battery staple"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(workspace=tmp_path / "shop")
    add_people(control_database(found))
    return found


def add(settings: Settings, login: str, name: str = "") -> None:
    add_person(
        control_database(settings),
        Internal.SHELL,
        login,
        name=name,
        role=Role.MANAGER,
        password=PASSWORD,
        now_ms=2,
    )


@pytest.mark.parametrize("login", ["m\u0430x", "rnax", "m\u200bax", "MAX", "m\u0251x", "\uff4dax"])
def test_no_login_passes_for_another_account(settings: Settings, login: str) -> None:
    with pytest.raises(PhantomError):
        add(settings, login)
    with control_database(settings).connect() as connection:
        assert find_account(connection, login) is None


@pytest.mark.parametrize(
    "name",
    ["m\u0430x", "M\u0410X", "ma\u200bx", "max\u202e", "\u043c\u0430\u0445", "rnax", "\u03bcax"],
)
def test_no_shown_name_passes_for_another_account(settings: Settings, name: str) -> None:
    with pytest.raises((InputError, ConflictError)):
        add(settings, "eve", name)


@pytest.mark.parametrize("name", ["\u0410\u043d\u043d\u0430", "Zo\u00eb", "\u5f20\u4f1f", "Maria"])
def test_names_in_any_one_alphabet_are_as_good(settings: Settings, name: str) -> None:
    add(settings, "eve", name)


def test_a_provider_s_address_in_another_alphabet_is_shown_with_its_digest() -> None:
    claims = {"iss": "i", "sub": "s", "iat": 1, "email_verified": True, "name": "Max"}
    plain = identity_of_claims({**claims, "email": "max@shop.test"}, now_ms=1_000, hours=1)
    imitated = identity_of_claims({**claims, "email": "m\u0430x@shop.test"}, now_ms=1_000, hours=1)
    assert plain.name == "max@shop.test"
    assert imitated.name.startswith("Max (")


def propose(settings: Settings, name: str) -> int:
    with write_transaction(control_database(settings)) as connection:
        made = requests.create_draft(
            connection, "ana", Proposal(name, "{}", "why"), base_version="", needed=1, now_ms=2
        )
        requests.submit_request(connection, "ana", made.request_id, 1, "e" * 64, now_ms=2)
        return made.request_id


@pytest.mark.parametrize("name", ["h0lidays", "ho1idays", "holid\u0430ys", "holidays\u200b"])
def test_no_rules_pass_for_others_that_are_open(settings: Settings, name: str) -> None:
    propose(settings, "holidays")
    with pytest.raises((InputError, ConflictError)):
        propose(settings, name)
    propose(settings, "holidays")


@pytest.mark.parametrize("hidden", ["\u200b", "\u2060", "\ufeff", "\u00ad", "\ufe0f", "\u3164"])
def test_an_erased_id_does_not_come_back_with_an_invisible_character(
    tmp_path: Path, hidden: str
) -> None:
    erased = ErasedIds(tmp_path)
    erased.add("session", ["session-0001"], now_ms=1)
    variant = f"session-{hidden}0001"
    assert erased.among("session", [variant, "session-0002"]) == {variant}
    assert erased.in_texts([f"cart of {variant}, paid", "cart of session-0002"]) == [True, False]


def test_an_id_that_was_erased_with_an_invisible_character_covers_the_plain_one(
    tmp_path: Path,
) -> None:
    erased = ErasedIds(tmp_path)
    erased.add("session", ["session-\u200b0001"], now_ms=1)
    assert erased.among("session", ["session-0001"]) == {"session-0001"}
    assert erased.forget("session", ["session-\u200b0001"]) == 2
    assert erased.among("session", ["session-0001"]) == set()


def test_what_is_seen_and_what_it_looks_like() -> None:
    assert visible_text("a\u0000b\u200d c") == "ab c"
    assert skeleton("\u041c\u0430\u0445") == skeleton("MAX")
    assert skeleton("anna") != skeleton("hanna")
    check_name("Jos\u00e9 \u00d8sterg\u00e5rd", "account")
