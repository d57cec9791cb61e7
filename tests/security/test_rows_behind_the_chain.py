"""Rows that plain SQL changes without an entry: ends undone, arms, subjects, emergencies."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.approvals import price_experiments
from phantom_core.approvals.experiment_plan import Plan, PlannedArm
from phantom_core.approvals.limits import set_limits
from phantom_core.core.errors import ConflictError
from phantom_core.core.settings import Settings
from phantom_core.database.constraints import drop_constraints
from phantom_core.use_cases.approvals.change_requests import (
    control_database,
    reject_request,
    withdraw_request,
)
from phantom_core.use_cases.approvals.experiments import start_experiment
from phantom_core.use_cases.approvals.publish_rules import publish_request
from phantom_core.use_cases.approvals.watch_server import watch_once
from phantom_core.use_cases.audit.verify_audit import verify_audit
from tests.security.governed import CHEAPER, NOW, approved, installation, submitted


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Settings]:
    with installation(tmp_path / "shop") as settings:
        yield settings


def change(settings: Settings, *statements: str) -> str:
    """Change rows past all constraints; returns what a verification says then."""
    watch_once(settings, now_ms=NOW + 2)
    assert verify_audit(settings).holds
    with control_engine(settings).begin() as connection:
        drop_constraints(connection)
        for statement in statements:
            assert connection.execute(sa.text(statement)).rowcount
    return " ".join(verify_audit(settings).problems)


@pytest.mark.parametrize("end", ["withdrawn", "rejected"])
def test_an_approved_request_that_ended_does_not_come_back_by_sql(shop: Settings, end: str) -> None:
    request = submitted(shop)
    number = approved(shop, request)
    if end == "withdrawn":
        withdraw_request(shop, "ana", number, now_ms=NOW + 1)
    else:
        reject_request(shop, "mia", number, 1, comment="Too early.", now_ms=NOW + 1)
    found = change(shop, "UPDATE change_requests SET state = 'approved'")
    assert f"Request {number} is approved, but {end} in the audit chain" in found
    with pytest.raises(ConflictError, match="while the audit chain does not hold"):
        publish_request(shop, "max", number, now_ms=NOW + 3)


def test_arms_that_sql_widens_contradict_the_chain(shop: Settings) -> None:
    set_limits(control_database(shop), "root", {"first_share": 1.0}, shop, now_ms=NOW)
    done = publish_request(
        shop, "max", approved(shop, submitted(shop, share=0.5)), share=0.01, now_ms=NOW
    )
    arms = (PlannedArm("a", 0.9, ""), PlannedArm("b", 0.1, done.version))
    plan = Plan("?", arms, "revenue", 0.05, 0.05, 0.8, 0.1, 1_000, 1.0, 1.0, 10.0)
    engine = control_database(shop)
    price_experiments.draft_experiment(engine, "ana", "e", plan, salt="e", now_ms=NOW)
    start_experiment(shop, "max", "e", now_ms=NOW + 1)
    wider = "replace(replace(arms, '0.9', '0.01'), '0.1', '0.99')"
    found = change(shop, f"UPDATE price_experiments SET arms = {wider}")
    assert "The price experiment e has other arms than were drafted" in found


@pytest.mark.parametrize("how", ["removed", "reviewed"])
def test_an_emergency_is_neither_hidden_nor_reviewed_by_sql(shop: Settings, how: str) -> None:
    request = submitted(shop, text=CHEAPER)
    publish_request(
        shop, "max", request.request_id, now_ms=NOW, emergency="Prices fell over night."
    )
    review = (
        "INSERT INTO emergency_reviews "
        "SELECT request_id, revision, 'mia', 'Fine.', at_ms + 1 FROM emergencies"
    )
    found = change(shop, "DELETE FROM emergencies" if how == "removed" else review)
    assert ("was removed" if how == "removed" else "The review of the emergency") in found
