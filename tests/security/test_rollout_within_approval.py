"""A version is live for the share that was approved, and again only where all of it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from phantom_core.approvals.ramp import RampStep
from phantom_core.approvals.releases import current_release
from phantom_core.approvals.rollout import allowed_rollout
from phantom_core.approvals.tables import REQUESTS
from phantom_core.core.errors import ConflictError, InputError, NotAllowedError
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals import change_requests
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.publish_rules import (
    kill_live_rules,
    lift_kill_switch,
    publish_request,
    roll_back,
    set_share,
)
from tests.security.governed import (
    GENTLE,
    HOUR,
    NOW,
    approved,
    installation,
    resubmitted,
    submitted,
)

RAMP = (RampStep(0.5, 24), RampStep(1.0, 48))
DAY = 24 * HOUR


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Settings]:
    with installation(tmp_path / "shop") as settings:
        yield settings


def share_of(settings: Settings) -> float:
    with control_database(settings).connect() as connection:
        release = current_release(connection)
    assert release
    return release.share


@pytest.mark.parametrize("who", ["max", "mia"])
@pytest.mark.parametrize("share", [0.11, 0.5, 1.0])
def test_nobody_gives_everybody_what_was_approved_for_a_tenth(
    shop: Settings, who: str, share: float
) -> None:
    number = approved(shop, submitted(shop, share=0.1))
    with pytest.raises(InputError, match="approved for 10% of the sessions"):
        publish_request(shop, who, number, share=share, now_ms=NOW)
    publish_request(shop, who, number, now_ms=NOW)
    with pytest.raises(
        NotAllowedError, match=f"approved for 10% of the sessions, not for {share:.0%}"
    ):
        set_share(shop, who, share, why="It is fine.", now_ms=NOW + 365 * DAY)
    assert share_of(shop) == 0.1


def test_a_share_falls_freely_and_rises_to_the_approved_one(shop: Settings) -> None:
    publish_request(shop, "max", approved(shop, submitted(shop, share=0.1)), share=0.05, now_ms=NOW)
    set_share(shop, "max", 0.1, why="As approved.", now_ms=NOW)
    set_share(shop, "max", 0.01, why="Careful.", now_ms=NOW)
    set_share(shop, "max", 0.1, why="As approved.", now_ms=NOW)
    assert share_of(shop) == 0.1


def test_a_ramp_takes_each_step_after_its_time_and_none_before(shop: Settings) -> None:
    publish_request(shop, "max", approved(shop, submitted(shop, ramp=RAMP)), now_ms=NOW)
    with pytest.raises(NotAllowedError, match=r"leads to 50% of the sessions in 1\.0 hours"):
        set_share(shop, "max", 0.5, why="Now.", now_ms=NOW + DAY - HOUR)
    with pytest.raises(NotAllowedError, match="10% is allowed now"):
        set_share(shop, "max", 0.11, why="Now.", now_ms=NOW)
    set_share(shop, "max", 0.5, why="A day.", now_ms=NOW + DAY)
    with pytest.raises(NotAllowedError, match=r"leads to 100% of the sessions in 48\.0 hours"):
        set_share(shop, "max", 1.0, why="Now.", now_ms=NOW + DAY)
    set_share(shop, "max", 1.0, why="Two days.", now_ms=NOW + 3 * DAY)
    assert share_of(shop) == 1.0


def test_the_time_of_a_step_runs_while_its_share_is_live_without_a_break(shop: Settings) -> None:
    publish_request(shop, "max", approved(shop, submitted(shop, ramp=RAMP)), now_ms=NOW)
    kill_live_rules(shop, "max", why="Look.", now_ms=NOW + HOUR)
    lift_kill_switch(shop, "max", why="Fine.", now_ms=NOW + DAY)
    with pytest.raises(NotAllowedError, match="in 23"):
        set_share(shop, "max", 0.5, why="A day.", now_ms=NOW + DAY + HOUR)
    set_share(shop, "max", 0.05, why="Less.", now_ms=NOW + DAY + HOUR)
    with control_database(shop).connect() as connection:
        release = current_release(connection)
        assert release
        found = allowed_rollout(connection, release, now_ms=NOW + 30 * DAY)
    assert (found.share, found.next_share, found.next_ms) == (0.1, 0.5, 0)


def test_a_larger_share_is_a_change_of_its_own_which_takes_the_canary_s_place(
    shop: Settings,
) -> None:
    first = approved(shop, submitted(shop))
    publish_request(shop, "max", first, now_ms=NOW)
    request = change_requests.propose_rollout(shop, "ana", 1.0, why="It went well.", now_ms=NOW)
    request = resubmitted(shop, request)
    with pytest.raises(ConflictError, match="needs approval first"):
        publish_request(shop, "max", request.request_id, now_ms=NOW)
    publish_request(shop, "max", approved(shop, request), now_ms=NOW)
    assert share_of(shop) == 1.0
    assert change_requests.review_request(shop, first).request.state == "superseded"


def test_other_rules_do_not_take_the_place_of_a_canary(shop: Settings) -> None:
    publish_request(shop, "max", approved(shop, submitted(shop)), now_ms=NOW)
    other = submitted(shop, text=GENTLE.replace("1.10", "1.09"), share=1.0)
    with pytest.raises(ConflictError, match="still a canary on 10%"):
        publish_request(shop, "max", approved(shop, other), now_ms=NOW)


def test_a_rollback_gives_nobody_what_was_approved_for_a_tenth(shop: Settings) -> None:
    done = publish_request(shop, "max", approved(shop, submitted(shop)), now_ms=NOW)
    roll_back(shop, "max", why="Back.", now_ms=NOW)
    with pytest.raises(NotAllowedError, match="was approved for 10% of the sessions"):
        roll_back(shop, "max", done.version, why="Forth.", now_ms=NOW)


def test_a_ramp_is_part_of_what_is_approved(shop: Settings) -> None:
    request = submitted(shop, ramp=RAMP)
    with pytest.raises(sa.exc.IntegrityError), control_database(shop).begin() as connection:
        connection.execute(REQUESTS.update().values(ramp="[[1.0, 0.001]]"))
    with pytest.raises(sa.exc.IntegrityError), control_database(shop).begin() as connection:
        connection.execute(REQUESTS.update().values(top_share=1.0, share=1.0))
    assert change_requests.review_request(shop, request.request_id).request.ramp == request.ramp


@pytest.mark.parametrize(
    "steps", [(RampStep(0.1, 1),), (RampStep(0.5, 1), RampStep(0.4, 1)), (RampStep(0.05, 1),)]
)
def test_a_ramp_rises(shop: Settings, steps: tuple[RampStep, ...]) -> None:
    with pytest.raises(InputError, match="have to rise"):
        submitted(shop, ramp=steps)
