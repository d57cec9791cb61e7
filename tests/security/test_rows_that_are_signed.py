"""Rows that SQL forged are neither signed nor served, also by whoever completes or heals."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from phantom_core.accounts.actors import Internal
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.approvals import price_experiments
from phantom_core.approvals.experiment_plan import Plan, PlannedArm
from phantom_core.approvals.limits import set_limits
from phantom_core.core.errors import ConflictError
from phantom_core.core.settings import Settings
from phantom_core.database.constraints import drop_constraints
from phantom_core.publishing.publish import read_live
from phantom_core.signing.keys import public_keys
from phantom_core.use_cases.approvals.change_requests import control_database, withdraw_request
from phantom_core.use_cases.approvals.experiments import start_experiment
from phantom_core.use_cases.approvals.live_experiments import sync_experiments
from phantom_core.use_cases.approvals.live_status import heal_server, read_live_status
from phantom_core.use_cases.approvals.publish_rules import (
    kill_live_rules,
    publish_request,
    roll_back,
)
from phantom_core.use_cases.audit.verify_audit import verify_audit
from phantom_core.valkey.server import connect_server
from tests.security.governed import NOW, approved, installation, submitted


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Settings]:
    with installation(tmp_path / "shop") as settings:
        yield settings


def forge(settings: Settings, *statements: str) -> None:
    with control_engine(settings).begin() as connection:
        drop_constraints(connection)
        for statement in statements:
            assert connection.execute(sa.text(statement)).rowcount


def published(settings: Settings) -> str:
    return publish_request(
        settings, "max", approved(settings, submitted(settings)), now_ms=NOW
    ).version


def live(settings: Settings) -> object:
    with connect_server(settings) as client:
        return read_live(client, public_keys(settings))


FORGED_RELEASE = """
INSERT INTO releases (epoch, kind, state, request_id, version, share, stable, salt, is_killed,
policy, lowest_markup, highest_markup, who, why, audit_seq, audit_hash, at_ms, limits)
SELECT epoch + 1, kind, 'pending', request_id, version, 1.0, version, salt, {killed}, policy,
5.0, 10.0, who, why, audit_seq, audit_hash, at_ms, limits FROM releases
"""


@pytest.mark.parametrize("killed", [0, 1])
def test_a_pending_release_that_sql_made_is_not_completed_by_who_looks(
    shop: Settings, killed: int
) -> None:
    """One with the kill switch on, too: guard rails of ×5 to ×10 move base prices."""
    published(shop)
    before = live(shop)
    forge(shop, FORGED_RELEASE.format(killed=killed))
    found = read_live_status(shop, now_ms=NOW + 1)
    assert "audit chain does not hold" in found.problem
    assert live(shop) == before


def test_a_heal_verifies_what_it_signs(shop: Settings) -> None:
    published(shop)
    before = live(shop)
    forge(shop, "UPDATE releases SET highest_markup = 9.0")
    with connect_server(shop) as client:
        client.delete("rules:live")
    with pytest.raises(ConflictError, match="audit chain does not hold"):
        heal_server(shop, Internal.WATCHER, why="by the watcher", now_ms=NOW + 1)
    assert before is not None
    assert live(shop) is None


def test_limits_that_sql_forged_move_no_base_price(shop: Settings) -> None:
    """The kill switch never waits for the chain, so it must not sign forged guard rails."""
    published(shop)
    forge(shop, "UPDATE limits SET value = 5 WHERE name = 'lowest_markup'")
    forge(shop, "UPDATE limits SET value = 10 WHERE name = 'highest_markup'")
    killed = kill_live_rules(shop, "max", why="Forged limits.", now_ms=NOW + 1)
    assert killed.guard_rails.contains(1.0)
    to_base = roll_back(shop, "max", "", why="Forged limits.", now_ms=NOW + 2)
    assert to_base.guard_rails.contains(1.0)


@pytest.mark.parametrize(
    ("how", "state"),
    [("rolled back", "approved"), ("superseded", "approved"), ("superseded", "live")],
)
def test_a_version_that_left_does_not_come_back_as_approved(
    shop: Settings, how: str, state: str
) -> None:
    published(shop)
    roll_back(shop, "max", "", why="Enough.", now_ms=NOW + 1)
    if how == "superseded":
        forge(shop, "UPDATE change_requests SET state = 'superseded'")
        assert "is superseded, but rolled back" in " ".join(verify_audit(shop).problems)
    forge(shop, f"UPDATE change_requests SET state = '{state}', live_share = 1.0")
    found = " ".join(verify_audit(shop).problems)
    assert f"Request 1 is {state}, but rolled back in the audit chain." in found
    with pytest.raises(ConflictError, match="audit chain does not hold"):
        publish_request(shop, "max", 1, now_ms=NOW + 3)


def test_a_draft_that_sql_calls_approved_contradicts_the_chain(shop: Settings) -> None:
    request = submitted(shop)
    forge(shop, "UPDATE change_requests SET state = 'approved'")
    found = " ".join(verify_audit(shop).problems)
    assert f"Request {request.request_id} is approved, but submitted in the audit chain." in found


def test_every_legal_way_leaves_the_state_that_the_chain_expects(shop: Settings) -> None:
    published(shop)
    assert verify_audit(shop).problems == ()
    roll_back(shop, "max", "", why="Enough.", now_ms=NOW + 1)
    withdraw_request(shop, "ana", approved(shop, submitted(shop)), now_ms=NOW + 2)
    assert verify_audit(shop).problems == ()


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("name", "'Max the second'", "has a name that no audit entry mentions"),
        ("origin", "'oidc'", "signs in as oidc, but local in the audit chain"),
        ("must_change", "1", "must change its password, with SQL"),
    ],
)
def test_columns_of_an_account_contradict_the_chain(
    shop: Settings, column: str, value: str, says: str
) -> None:
    from phantom_core.accounts.people import add_person
    from phantom_core.accounts.roles import Role

    add_person(
        control_database(shop),
        "root",
        "eve",
        name="Eve",
        role=Role.VIEWER,
        password="correct horse battery",
        must_change=False,
        now_ms=NOW,
    )
    assert verify_audit(shop).problems == ()
    forge(shop, f"UPDATE people SET {column} = {value} WHERE login = 'eve'")
    assert f"The account eve {says}" in " ".join(verify_audit(shop).problems)


def experiment(shop: Settings) -> None:
    set_limits(control_database(shop), "root", {"first_share": 1.0}, shop, now_ms=NOW)
    done = publish_request(
        shop, "max", approved(shop, submitted(shop, share=0.5)), share=0.01, now_ms=NOW
    )
    arms = (PlannedArm("a", 0.9, ""), PlannedArm("b", 0.1, done.version))
    plan = Plan("?", arms, "revenue", 0.05, 0.05, 0.8, 0.1, 1_000, 1.0, 1.0, 10.0)
    price_experiments.draft_experiment(
        control_database(shop), "ana", "e", plan, salt="e", now_ms=NOW
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("salt = 'mine'", "other salt"),
        ("metric = 'purchases'", "other metric"),
        ("planned_sessions = 9", "other sessions"),
        ("alpha = 0.9, tolerated_drop = 0.99", "other alpha, tolerated_drop"),
        ("question = 'Which?'", "other question"),
        ("author = 'max'", "was not drafted by max"),
        ("started_by = 'mia'", "was not started by mia"),
    ],
)
def test_each_column_of_a_plan_contradicts_the_chain(
    shop: Settings, change: str, says: str
) -> None:
    experiment(shop)
    start_experiment(shop, "max", "e", now_ms=NOW + 1)
    assert verify_audit(shop).problems == ()
    forge(shop, f"UPDATE price_experiments SET {change}")
    assert says in " ".join(verify_audit(shop).problems)


def test_arms_that_sql_started_are_not_signed(shop: Settings) -> None:
    experiment(shop)
    forge(shop, "UPDATE price_experiments SET state = 'running'")
    with (
        connect_server(shop) as client,
        pytest.raises(ConflictError, match="audit chain does not hold"),
    ):
        sync_experiments(shop, client, now_ms=NOW + 1)
