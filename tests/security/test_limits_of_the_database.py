"""Limits count from the control database alone, at approval and again at publication."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from phantom_core.accounts.people import MACHINE
from phantom_core.approvals.limits import (
    LIMIT_LISTS,
    LIMITS,
    read_banned_features,
    read_price_limits,
    set_banned_features,
    set_limits,
)
from phantom_core.approvals.releases import current_release
from phantom_core.core.errors import ConflictError, InputError, NotAllowedError
from phantom_core.core.program import child_environment
from phantom_core.core.settings import LimitSettings, RuleSettings, Settings
from phantom_core.database import audit
from phantom_core.rules.text import parse_rules
from phantom_core.use_cases.approvals import change_requests
from phantom_core.use_cases.approvals.change_limits import change_bans
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.publish_rules import publish_request
from phantom_core.use_cases.rules.check_rules import check_rule_set
from tests.databases import DATABASES, fresh_schema
from tests.security.governed import GENTLE, NOW, approved, installation, resubmitted, submitted

LOOSE = {
    "PHANTOM_HIGHEST_MARKUP": "10",
    "PHANTOM_LARGEST_STEP": "100",
    "PHANTOM_HUMAN_PREMIUM_CAP": "100",
    "PHANTOM_FIRST_MARKUP": "10",
    "PHANTOM_FIRST_SHARE": "1",
    "PHANTOM_BANNED_FEATURES": "",
}
TRIPLE = "IF item_views > 3 THEN markup 3.00\nELSE markup 1.00"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Settings]:
    with installation(tmp_path / "shop") as settings:
        yield settings


def change_ban(settings: Settings, who: str, **change: list[str]) -> None:
    names = change_bans(read_banned_features(settings), **change)
    set_banned_features(control_database(settings), who, names, settings, now_ms=NOW)


def in_a_loose_shell(settings: Settings) -> Settings:
    """The same installation in a process whose environment lifts every limit."""
    loose = LimitSettings(
        highest_markup=10, largest_step=100, human_premium_cap=100, first_markup=10, first_share=1
    )
    return settings.model_copy(update={"limits": loose, "rules": RuleSettings(banned_features=())})


def test_no_environment_lifts_a_gate_or_a_guard_rail(shop: Settings) -> None:
    loose = in_a_loose_shell(shop)
    request = submitted(loose, "mia", TRIPLE, share=1.0)
    with pytest.raises(ConflictError, match=r"guard rails: Mark-ups from ×1\.00 to ×3\.00"):
        change_requests.approve_request(loose, "max", request.request_id, 1, now_ms=NOW)
    assert read_price_limits(loose) == read_price_limits(shop)
    assert read_banned_features(loose) == read_banned_features(shop) != ()
    change_requests.withdraw_request(shop, "mia", request.request_id, now_ms=NOW)
    number = approved(loose, submitted(loose, "mia", GENTLE))
    publish_request(loose, "max", number, now_ms=NOW)
    with control_database(shop).connect() as connection:
        release = current_release(connection)
    assert release
    assert (release.lowest_markup, release.highest_markup) == (0.7, 1.5)


def test_another_process_with_another_environment_reads_the_same_limits(tmp_path: Path) -> None:
    """The first process seeds them; a shell that raises them all is shown those of the first."""
    workspace = tmp_path / "shop"

    def limits(more: dict[str, str]) -> dict[str, object]:
        command = [sys.executable, "-m", "phantom_core", "limits", "--json"]
        done = subprocess.run(
            [*command, "--workspace", str(workspace)],
            env=child_environment(os.environ) | more,
            capture_output=True,
            text=True,
            check=True,
        )
        found: dict[str, object] = json.loads(done.stdout)
        return found

    first = limits({"PHANTOM_HIGHEST_MARKUP": "1.3"})
    assert first["highest_markup"] == 1.3
    assert limits(LOOSE) == first


def test_limits_are_seeded_once_with_an_audit_entry(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path, limits=LimitSettings(largest_step=0.2))
    control_database(settings)
    read_price_limits(in_a_loose_shell(settings))
    with control_database(settings).connect() as connection:
        entries = audit.list_entries(connection)
    assert [one.action for one in entries] == ["limits.seeded"]
    details = json.loads(entries[0].details)
    assert details["largest_step"] == 0.2
    assert details["banned_features"] == list(settings.rules.banned_features)


@pytest.mark.parametrize("kind", DATABASES)
def test_plain_sql_changes_no_limit(kind: str, tmp_path: Path) -> None:
    def attack(settings: Settings) -> None:
        before = read_price_limits(settings), read_banned_features(settings)
        engine = control_database(settings)
        statements = [
            "UPDATE limits SET value = 10 WHERE name = 'highest_markup'",
            "UPDATE limits SET name = 'x' WHERE name = 'highest_markup'",
            "DELETE FROM limits WHERE name = 'largest_step'",
            "INSERT INTO limits (name, value) VALUES ('more', 1)",
            "UPDATE limit_lists SET names = '[]'",
            "DELETE FROM limit_lists",
        ]
        statements += (
            [
                "REPLACE INTO limits (name, value) VALUES ('highest_markup', 10)",
                "UPDATE OR REPLACE limits SET rowid = 2 WHERE rowid = 1",
                "INSERT OR REPLACE INTO limits (rowid, name, value) VALUES (1, 'more', 1)",
            ]
            if engine.dialect.name == "sqlite"
            else [
                "TRUNCATE limits",
                "INSERT INTO limits (name, value) VALUES ('highest_markup', 10) "
                "ON CONFLICT (name) DO UPDATE SET value = 10",
            ]
        )
        with engine.begin() as connection:
            audit.append_entry(connection, NOW, "max", "something.else", "x", {})
        for statement in statements:
            with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
                connection.execute(sa.text(statement))
        assert (read_price_limits(settings), read_banned_features(settings)) == before
        engine.dispose()

    if kind == "sqlite":
        attack(Settings(workspace=tmp_path))
        return
    with fresh_schema() as url:
        attack(Settings(workspace=tmp_path, database_url=url))


def test_limits_of_approval_and_of_publication_both_hold(shop: Settings) -> None:
    engine = control_database(shop)
    request = submitted(shop, "ana", GENTLE.replace("1.10", "1.09"))
    set_limits(engine, MACHINE, {"first_markup": 1.05}, shop, now_ms=NOW)
    with pytest.raises(ConflictError, match="first release"):
        approved(shop, request)
    set_limits(engine, MACHINE, {"first_markup": 1.1}, shop, now_ms=NOW)
    number = approved(shop, request)
    set_limits(engine, MACHINE, {"first_markup": 1.05}, shop, now_ms=NOW)
    with pytest.raises(ConflictError, match="first release"):
        publish_request(shop, "max", number, now_ms=NOW)


@pytest.mark.parametrize("moment", ["after drafting", "after submitting", "after approving"])
def test_a_request_needs_the_approvals_of_now_and_of_then(shop: Settings, moment: str) -> None:
    """A draft from before a limit was raised does not go through on the old one."""
    engine, more = control_database(shop), {"approvals_needed": 2.0}
    request = submitted(shop) if moment != "after drafting" else None
    if request is None:
        draft = change_requests.propose_rules(
            shop, "ana", parse_rules(GENTLE, "rules"), why="w", share=0.1, now_ms=NOW
        )
        set_limits(engine, MACHINE, more, shop, now_ms=NOW)
        request = resubmitted(shop, draft)
    elif moment == "after submitting":
        set_limits(engine, MACHINE, more, shop, now_ms=NOW)
    number = approved(shop, request)
    if moment == "after approving":
        set_limits(engine, MACHINE, more, shop, now_ms=NOW)
    with pytest.raises(ConflictError):
        publish_request(shop, "max", number, now_ms=NOW)
    set_limits(engine, MACHINE, {"approvals_needed": 1.0}, shop, now_ms=NOW)
    if moment == "after approving":  # the limit of that moment was never one of an approval
        publish_request(shop, "max", number, now_ms=NOW)
        return
    with pytest.raises(ConflictError):
        publish_request(shop, "max", number, now_ms=NOW)
    approved(shop, request, "mia")
    publish_request(shop, "max", number, now_ms=NOW)


def test_audit_and_release_hold_the_limits_that_were_in_force(shop: Settings) -> None:
    number = approved(shop, submitted(shop))
    publish_request(shop, "max", number, now_ms=NOW)
    with control_database(shop).connect() as connection:
        entries = {one.action: json.loads(one.details) for one in audit.list_entries(connection)}
        release = current_release(connection)
    assert release
    for action in ("request.approved", "release.publish"):
        assert entries[action]["limits"] == json.loads(release.limits)
        assert entries[action]["gates"]["guard rails"].startswith("open: ")
    stored = json.loads(release.limits)
    assert (stored["highest_markup"], stored["human_premium_cap"]) == (1.5, 0.05)
    assert stored["banned_features"] == sorted(read_banned_features(shop))


def test_a_ban_holds_for_requests_that_are_open(shop: Settings) -> None:
    request = submitted(shop)
    change_ban(shop, "root", ban=["item_views"])
    with pytest.raises(ConflictError, match="read item_views, which prices may not depend on"):
        approved(shop, request)
    found = check_rule_set(in_a_loose_shell(shop), change_requests.rules_of(request))
    assert "banned feature" in {one.kind for one in found}
    change_ban(shop, "root", allow=["item_views"])
    approved(shop, request)


@pytest.mark.parametrize("who", ["max", "ana", "vera", "ghost", "@shell", "this machine"])
def test_limits_and_bans_are_an_administrator_s(shop: Settings, who: str) -> None:
    with pytest.raises(NotAllowedError):
        change_ban(shop, who, allow=["browser_family"])
    with pytest.raises(NotAllowedError):
        set_limits(control_database(shop), who, {"largest_step": 1.0}, shop, now_ms=NOW)
    with pytest.raises(InputError, match="no feature 'luck'"):
        change_ban(shop, "root", ban=["luck"])


def test_tables_hold_what_is_read(shop: Settings) -> None:
    with control_database(shop).connect() as connection:
        values = dict(connection.execute(sa.select(LIMITS.c.name, LIMITS.c.value)).all())
        (names,) = connection.execute(sa.select(LIMIT_LISTS.c.names)).scalars()
    assert values["highest_markup"] == read_price_limits(shop).highest_markup
    assert tuple(json.loads(names)) == read_banned_features(shop)
