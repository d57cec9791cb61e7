"""A stage is the time for which a canary has the same share without a break."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from phantom_core.approvals.ramp import RampStep
from phantom_core.approvals.rollout_guard_log import (
    GuardResult,
    read_guard_result,
    store_guard_result,
)
from phantom_core.approvals.rollout_stage import RolloutStage, current_stage
from phantom_core.core.errors import ConflictError, NotAllowedError
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.publish_rules import (
    kill_live_rules,
    lift_kill_switch,
    publish_request,
    set_share,
    withdraw_canary,
)
from tests.security.governed import HOUR, NOW, approved, installation, submitted

RAMP = (RampStep(0.5, 1, 5_000), RampStep(1.0, 1))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Settings]:
    with installation(tmp_path / "shop") as settings:
        publish_request(
            settings, "max", approved(settings, submitted(settings, ramp=RAMP)), now_ms=NOW
        )
        yield settings


def stage(settings: Settings) -> RolloutStage | None:
    with control_database(settings).connect() as connection:
        return current_stage(connection)


def guard(settings: Settings, action: str, *reasons: str) -> None:
    found = stage(settings)
    assert found
    result = GuardResult(found.epoch, action, reasons, NOW)  # type: ignore[arg-type]
    store_guard_result(control_database(settings), result)


def test_a_stage_ends_with_its_share_and_with_the_kill_switch(shop: Settings) -> None:
    first = stage(shop)
    assert first and (first.share, first.number, first.since_ms) == (0.1, 1, NOW)
    kill_live_rules(shop, "max", why="Look.", now_ms=NOW + 1)
    assert stage(shop) is None
    lift_kill_switch(shop, "max", why="Fine.", now_ms=NOW + 2)
    second = stage(shop)
    assert second and (second.number, second.since_ms, len(second.epochs)) == (2, NOW + 2, 1)
    set_share(shop, "max", 0.05, why="Careful.", now_ms=NOW + 3)
    third = stage(shop)
    assert third and (third.number, third.is_largest) == (3, False)


def test_a_step_waits_for_the_sessions_that_were_approved(shop: Settings) -> None:
    with pytest.raises(NotAllowedError, match=r"waits for 5,000 sessions, which are not counted"):
        set_share(shop, "max", 0.5, why="An hour.", now_ms=NOW + HOUR)
    guard(shop, "wait", "4,999 of the 5,000 sessions have a final outcome.")
    with pytest.raises(NotAllowedError, match="4,999 of the 5,000"):
        set_share(shop, "max", 0.5, why="An hour.", now_ms=NOW + HOUR)
    guard(shop, "advance")
    assert set_share(shop, "max", 0.5, why="An hour.", now_ms=NOW + HOUR).share == 0.5
    assert set_share(shop, "max", 1.0, why="Two.", now_ms=NOW + 2 * HOUR).share == 1.0


def test_what_the_guard_rolls_back_does_not_grow_and_falls_freely(shop: Settings) -> None:
    guard(shop, "roll back", "At least 12.0% fewer humans buy.")
    with pytest.raises(NotAllowedError, match=r"rolls rules-1.* back: At least 12\.0% fewer"):
        set_share(shop, "max", 0.5, why="An hour.", now_ms=NOW + HOUR)
    assert set_share(shop, "max", 0.05, why="Less.", now_ms=NOW + HOUR).share == 0.05


def test_a_person_may_step_over_a_hold_and_the_audit_chain_says_so(shop: Settings) -> None:
    guard(shop, "hold", "A loss of 20% is not excluded yet.")
    set_share(shop, "max", 0.5, why="I know.", now_ms=NOW + HOUR)
    with control_database(shop).connect() as connection:
        entries = audit.list_entries(connection)
    (entry,) = (one for one in entries if one.action == "release.share")
    assert json.loads(entry.details)["guard"] == ["hold", "A loss of 20% is not excluded yet."]
    found = stage(shop)
    assert found and read_guard_result(control_database(shop), found.epoch) is None


def test_the_guard_withdraws_what_it_looked_at_and_nothing_else(shop: Settings) -> None:
    looked_at = stage(shop)
    assert looked_at
    set_share(shop, "max", 0.05, why="Less.", now_ms=NOW)
    with pytest.raises(ConflictError, match="is not live any more"):
        withdraw_canary(shop, looked_at.epoch, why="Harm.", now_ms=NOW)
    done = withdraw_canary(shop, looked_at.epoch + 1, why="Harm.", now_ms=NOW)
    assert (done.kind, done.version, done.who, done.why) == ("roll back", "", "@watcher", "Harm.")
