"""Verbs about people and limits: who may do what, from the first administrator on."""

from typing import Any

import pytest

from tests.cli.verbs import ANALYST, MANAGER, PASSWORD, Phantom

OTHER = "another long password"
LIMITS = {
    "lowest_markup": 0.7,
    "highest_markup": 1.5,
    "largest_step": 0.3,
    "human_premium_cap": 0.05,
    "first_markup": 1.1,
    "first_share": 0.1,
    "approvals_needed": 1.0,
    "review_hours": 24.0,
    "base_price_step": 0.2,
    "base_price_day_step": 0.3,
    "base_price_level": 0.05,
    "base_price_month_step": 0.5,
    "base_price_month_level": 0.15,
    "banned_features": [
        "is_headless_browser",
        "is_automation_tool",
        "browser_family",
        "session_start_hour",
    ],
}


def people(phantom: Phantom) -> dict[str, tuple[object, ...]]:
    """Name, role, origin and whether the account is on, by login."""
    rows = phantom.json("user", "list")["people"]
    return {row["login"]: (row["name"], row["role"], row["origin"], row["active"]) for row in rows}


def by_root(phantom: Phantom, *arguments: str) -> dict[str, Any]:
    return phantom.json(*arguments, who="root", PHANTOM_PASSWORD=PASSWORD)


def add(phantom: Phantom, login: str, role: str) -> None:
    by_root(
        phantom, "user", "add", login, "--role", role, "--password", PASSWORD, "--no-must-change"
    )


def test_the_first_account_is_an_administrator_of_this_machine(empty: Phantom) -> None:
    assert people(empty) == {}
    assert "user add LOGIN --role administrator" in empty.run("user", "list").out
    rejected = empty.refusal("user", "add", "vic", "--role", "viewer", "--password", PASSWORD)
    assert rejected == "The first account must be an administrator's."
    found = empty.json(
        "user", "add", "root", "--role", "administrator", "--name", "Ruth", "--password", PASSWORD
    )
    assert found == {"login": "root", "role": "administrator", "must_change": True}
    assert people(empty) == {"root": ("Ruth", "administrator", "local", True)}


def test_the_first_account_ends_the_demo_people(shop: Phantom) -> None:
    shop.json("user", "add", "root", "--role", "administrator", "--password", PASSWORD)
    assert people(shop)[ANALYST] == ("Demo analyst", "analyst", "demo", False)
    refused = shop.refusal("rules", "withdraw", "1", who=ANALYST)
    assert refused == "There is no demo access here."
    assert shop.json("rules", "show", "1")["state"] == "submitted"


def test_an_administrator_opens_accounts_with_a_password_typed_twice(staffed: Phantom) -> None:
    command = ("user", "add", "amy", "--role", "analyst")
    done = staffed.run(
        *command, who="root", typed=f"{PASSWORD}\n{PASSWORD}\n", PHANTOM_PASSWORD=PASSWORD
    )
    assert done.code == 0
    assert people(staffed)["amy"] == ("amy", "analyst", "local", True)
    typed = f"{PASSWORD}\nsomething else\n"
    done = staffed.run(
        "user",
        "add",
        "bob",
        "--role",
        "analyst",
        who="root",
        typed=typed,
        PHANTOM_PASSWORD=PASSWORD,
    )
    assert done.code == 1
    assert "bob" not in people(staffed)


def test_a_login_without_a_password_is_prompted_for_it(staffed: Phantom) -> None:
    assert staffed.run("limits", "first_share=0.2", who="root", typed="wrong password\n").code == 1
    assert staffed.json("limits") == LIMITS
    prompted = staffed.run("limits", "first_share=0.2", who="root", typed=f"{PASSWORD}\n")
    assert (prompted.code, "Password of root" in prompted.err) == (0, True)
    assert staffed.json("limits")["first_share"] == 0.2


def test_an_account_gets_another_role_and_is_switched_off_and_on(staffed: Phantom) -> None:
    add(staffed, "amy", "viewer")
    change = by_root(staffed, "user", "change", "amy", "--role", "analyst", "--off")
    assert change == {"login": "amy", "changed": True}
    assert people(staffed)["amy"] == ("amy", "analyst", "local", False)
    by_root(staffed, "user", "change", "amy", "--on")
    assert people(staffed)["amy"] == ("amy", "analyst", "local", True)


def test_a_new_password_replaces_the_old_one_and_has_to_be_changed(staffed: Phantom) -> None:
    add(staffed, "max", "pricing manager")
    reset = by_root(staffed, "user", "password", "max", "--password", OTHER)
    assert reset == {"login": "max", "changed": True}
    refused = staffed.refusal("limits", "first_share=1", who="max", PHANTOM_PASSWORD=PASSWORD)
    assert refused == "Wrong login or password."
    refused = staffed.refusal("limits", "first_share=1", who="max", PHANTOM_PASSWORD=OTHER)
    assert "password that an administrator set" in refused


def test_limits_are_those_of_the_settings_until_they_are_changed(empty: Phantom) -> None:
    assert empty.json("limits") == LIMITS
    changed = empty.json("limits", "highest_markup=1.2", "approvals_needed=2")
    assert changed == LIMITS | {"highest_markup": 1.2, "approvals_needed": 2.0}
    assert empty.json("limits") == changed
    assert [line.split() for line in empty.run("limits").out.splitlines()][1] == [
        "highest_markup",
        "1.2",
    ]


def test_a_closed_gate_opens_when_the_limit_is_raised(shop: Phantom) -> None:
    shop.json("limits", "first_markup=1.05")
    assert "first release" in shop.refusal("rules", "approve", "1", who=MANAGER)
    shop.json("limits", "first_markup=1.1")
    assert shop.json("rules", "approve", "1", who=MANAGER)["state"] == "approved"


WRONG_PEOPLE = {
    "no login": (
        ["add", "Amy!", "--role", "viewer", "--password", PASSWORD],
        "'Amy!' cannot be a login.",
    ),
    "too short": (
        ["add", "amy", "--role", "viewer", "--password", "short"],
        "A password has at least 10 characters.",
    ),
    "taken": (
        ["add", "root", "--role", "viewer", "--password", PASSWORD],
        "There is already an account 'root'.",
    ),
    "nothing to change": (["change", "root"], "There is nothing to change."),
    "nobody to change": (["change", "amy", "--off"], "There is no account 'amy'."),
    "the last administrator goes": (
        ["change", "root", "--off"],
        "There would be no administrator left.",
    ),
    "the last administrator steps down": (
        ["change", "root", "--role", "viewer"],
        "There would be no administrator left.",
    ),
    "nobody's password": (
        ["password", "amy", "--password", PASSWORD],
        "There is no account 'amy'.",
    ),
    "a short one": (
        ["password", "root", "--password", "short"],
        "A password has at least 10 characters.",
    ),
}
WRONG_LIMITS = {
    "margin=1": "There is no limit 'margin'.",
    "largest_step": "'largest_step' is not a limit.",
    "largest_step=": "'largest_step=' is not a limit.",
    "largest_step=many": "'largest_step=many' is not a limit.",
    "largest_step=nan": "'largest_step=nan' is not a limit.",
    "first_markup=inf": "'first_markup=inf' is not a limit.",
    "lowest_markup=1.1": "Guard rails of ×1.10 to ×1.50 leave out the base price.",
    "highest_markup=0.9": "Guard rails of ×0.70 to ×0.90 leave out the base price.",
    "first_share=0": "A first release cannot have 0 of the sessions.",
    "approvals_needed=0": "A change cannot need 0 approvals.",
    "approvals_needed=1.5": "A change cannot need 1.5 approvals.",
    "human_premium_cap=-0.01": "A limit cannot be negative.",
}


@pytest.mark.parametrize("case", WRONG_PEOPLE)
def test_wrong_usage_changes_no_account(staffed: Phantom, case: str) -> None:
    arguments, sentence = WRONG_PEOPLE[case]
    before = people(staffed), staffed.state()
    assert staffed.refusal("user", *arguments, who="root", PHANTOM_PASSWORD=PASSWORD) == sentence
    assert (people(staffed), staffed.state()) == before


@pytest.mark.parametrize("text", WRONG_LIMITS)
def test_wrong_limits_change_none(empty: Phantom, text: str) -> None:
    before = empty.state()
    assert empty.refusal("limits", "first_share=0.2", text) == WRONG_LIMITS[text]
    assert empty.state() == before


def test_only_administrators_manage_people_and_limits(staffed: Phantom) -> None:
    add(staffed, "max", "pricing manager")
    before = people(staffed), staffed.json("limits")
    for verb in (
        ["user", "add", "amy", "--role", "viewer", "--password", PASSWORD],
        ["user", "change", "max", "--off"],
    ):
        assert staffed.refusal(*verb) == "This command needs an account."
        assert "may not manage people" in staffed.refusal(
            *verb, who="max", PHANTOM_PASSWORD=PASSWORD
        )
    own = staffed.refusal(
        "user", "password", "root", "--password", OTHER, who="max", PHANTOM_PASSWORD=PASSWORD
    )
    assert "may not manage people" in own
    rejected = staffed.refusal("limits", "first_share=1", who="max", PHANTOM_PASSWORD=PASSWORD)
    assert "may not change guard rails" in rejected
    assert (people(staffed), staffed.json("limits")) == before
