"""Ways round a second person that begin with something harmless."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from phantom_core.accounts.people import MACHINE, add_person, change_person, confirm_person
from phantom_core.accounts.people import PEOPLE as ACCOUNTS
from phantom_core.accounts.roles import Role
from phantom_core.accounts.sign_in import SIGN_INS
from phantom_core.approvals import price_experiments
from phantom_core.approvals.approved_models import readers_of_model
from phantom_core.approvals.experiment_plan import Plan, PlannedArm
from phantom_core.approvals.limits import set_banned_features, set_limits
from phantom_core.core.errors import ConflictError, NotAllowedError, PhantomError
from phantom_core.core.settings import Settings
from phantom_core.rules.text import parse_rules
from phantom_core.use_cases.approvals.change_requests import control_database, propose_rules
from phantom_core.use_cases.approvals.experiments import start_experiment
from phantom_core.use_cases.approvals.publish_rules import publish_request, roll_back
from phantom_core.use_cases.privacy.erase import erase_personal_data
from tests.security.governed import CHEAPER, GENTLE, HOUR, NOW, approved, installation, submitted

DAY = 24 * HOUR
PASSWORD = "correct horse battery"
AGENTS = "IF p_agent > 0.7 THEN markup 1.10\nELSE markup 1.00"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Settings]:
    with installation(tmp_path / "shop") as settings:
        set_limits(control_database(settings), "root", {"first_share": 1.0}, settings, now_ms=NOW)
        yield settings


def draft_experiment(settings: Settings, name: str, arms: tuple[PlannedArm, ...]) -> None:
    plan = Plan("?", arms, "revenue", 0.05, 0.05, 0.8, 0.1, 1_000, 1.0, 1.0, 10.0)
    engine = control_database(settings)
    price_experiments.draft_experiment(engine, "ana", name, plan, salt=name, now_ms=NOW)


def test_a_puppet_administrator_makes_no_eyes_for_the_one_who_made_it(
    shop: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root makes boss, boss makes managers, root confirms them."""
    engine, later = control_database(shop), NOW + 3 * DAY
    monkeypatch.setattr("phantom_core.accounts.people.clock_ms", lambda: later)
    publish_request(shop, "max", approved(shop, submitted(shop)), now_ms=NOW)
    add = {"name": "", "password": PASSWORD, "now_ms": later, "must_change": False}
    add_person(engine, "root", "boss", role=Role.ADMINISTRATOR, **add)
    for attack in (
        lambda: add_person(engine, "boss", "m3", role=Role.MANAGER, **add),
        lambda: change_person(engine, "boss", "vera", role=Role.MANAGER, now_ms=later),
        lambda: confirm_person(engine, "boss", "boss", now_ms=later),
    ):
        with pytest.raises(NotAllowedError):
            attack()


def test_an_account_that_was_off_signs_in_anew(shop: Settings) -> None:
    engine = control_database(shop)
    with engine.begin() as connection:
        known = {column.name: "" for column in SIGN_INS.columns}
        values = known | {"token_hash": "a", "login": "vera", "expires_ms": NOW + DAY}
        numbers = {
            column.name: 1
            for column in SIGN_INS.columns
            if isinstance(column.type, sa.Integer) and column.name != "expires_ms"
        }
        connection.execute(SIGN_INS.insert().values(values | numbers))
    change_person(engine, "root", "vera", is_active=False, now_ms=NOW)
    change_person(engine, "root", "vera", is_active=True, now_ms=NOW)
    with engine.connect() as connection:
        assert connection.execute(SIGN_INS.select().where(SIGN_INS.c.login == "vera")).all() == []


def test_no_arm_serves_an_emergency_that_nobody_reviewed(shop: Settings) -> None:
    request = submitted(shop, "ana", CHEAPER, share=0.9)
    publish_request(shop, "max", approved(shop, submitted(shop, text=GENTLE)), now_ms=NOW)
    roll_back(shop, "max", "", why="Look first.", now_ms=NOW)
    done = publish_request(
        shop, "max", request.request_id, share=0.01, now_ms=NOW, emergency="Prices fell over night."
    )
    draft_experiment(shop, "e", (PlannedArm("a", 0.1, ""), PlannedArm("b", 0.9, done.version)))
    with pytest.raises(ConflictError, match="not reviewed"):
        start_experiment(shop, "max", "e", now_ms=NOW)


def test_an_arm_and_a_canary_together_stay_within_the_approval(shop: Settings) -> None:
    done = publish_request(shop, "max", approved(shop, submitted(shop, share=0.1)), now_ms=NOW)
    arms = (PlannedArm("a", 0.9, "live"), PlannedArm("b", 0.1, done.version))
    draft_experiment(shop, "e", arms)
    with pytest.raises(ConflictError, match="together serve"):
        start_experiment(shop, "max", "e", now_ms=NOW)


def test_what_reads_a_feature_banned_since_comes_back_in_no_way(shop: Settings) -> None:
    first = publish_request(shop, "max", approved(shop, submitted(shop, share=1.0)), now_ms=NOW)
    publish_request(
        shop, "max", approved(shop, submitted(shop, text="ELSE markup 0.99", share=1.0)), now_ms=NOW
    )
    set_banned_features(control_database(shop), "root", ["item_views"], shop, now_ms=NOW)
    with pytest.raises(ConflictError, match="item_views, which prices may not depend on"):
        roll_back(shop, "max", first.version, why="Back.", now_ms=NOW)
    arms = (PlannedArm("a", 0.1, ""), PlannedArm("b", 0.9, first.version))
    draft_experiment(shop, "e", arms)
    with pytest.raises(ConflictError, match="item_views, which prices may not depend on"):
        start_experiment(shop, "max", "e", now_ms=NOW)


def test_what_is_drafted_or_may_be_restored_reads_its_model(shop: Settings) -> None:
    """Else one person swaps the model while a draft is measured, or between two rollbacks."""
    propose_rules(shop, "ana", parse_rules(AGENTS, "rules"), why="Less leakage.", now_ms=NOW)
    with control_database(shop).connect() as connection:
        assert readers_of_model(connection, "classifier") == ("change request 1 (draft)",)
    request = submitted(shop, text=AGENTS, share=1.0)
    done = publish_request(shop, "max", approved(shop, request), now_ms=NOW)
    roll_back(shop, "max", "", why="Look first.", now_ms=NOW)
    with control_database(shop).connect() as connection:
        found = " ".join(readers_of_model(connection, "classifier"))
    assert f"change request {request.request_id} (rolled back)" in found, done


def test_no_account_is_erased_without_an_account(shop: Settings) -> None:
    with pytest.raises(PhantomError, match="erased by an administrator"):
        erase_personal_data(shop, MACHINE, "account", "max", now_ms=NOW)
    with control_database(shop).connect() as connection:
        assert connection.execute(ACCOUNTS.select().where(ACCOUNTS.c.login == "max")).one()
