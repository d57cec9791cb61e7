"""An emergency lowers prices, or takes two people; it is seen, and reviewed by another person."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa

from phantom_core.accounts.people import MACHINE
from phantom_core.alerts.alerts import Alerts
from phantom_core.approvals.emergencies import EMERGENCIES, REVIEWS
from phantom_core.approvals.limits import set_limits
from phantom_core.approvals.ramp import RampStep
from phantom_core.approvals.releases import current_release
from phantom_core.approvals.tables import REQUESTS
from phantom_core.core.errors import ConflictError, InputError, NotAllowedError, PhantomError
from phantom_core.core.settings import AlertSettings, Settings
from phantom_core.database import audit
from phantom_core.use_cases.approvals import change_requests
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.emergencies import (
    confirm_emergency,
    preview_emergency,
    review_emergency,
)
from phantom_core.use_cases.approvals.live_status import read_live_status
from phantom_core.use_cases.approvals.publish_rules import (
    expire_live,
    publish_request,
    roll_back,
    set_share,
)
from phantom_core.use_cases.approvals.watch_server import watch_once
from phantom_core.use_cases.audit.replay_chain import compare_tables
from tests.security.governed import CHEAPER, GENTLE, HOUR, NOW, approved, installation, submitted

STEEP = "IF item_views > 3 THEN markup 1.50\nELSE markup 1.00"
WHY = "Competitor prices collapsed overnight."


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Settings]:
    with installation(tmp_path / "shop") as settings:
        yield settings


def live_version(settings: Settings) -> str:
    with control_database(settings).connect() as connection:
        release = current_release(connection)
    return release.full_version if release else ""


@pytest.mark.parametrize("who", ["max", "mia"])
def test_one_person_alone_raises_no_price(shop: Settings, who: str) -> None:
    """Not even the author of the change."""
    request = submitted(shop, "max", STEEP, share=1.0)
    with pytest.raises(NotAllowedError, match="may raise prices, so an emergency takes a second"):
        publish_request(shop, who, request.request_id, now_ms=NOW, emergency=WHY)
    assert live_version(shop) == ""
    assert change_requests.review_request(shop, request.request_id).request.break_glass == ""


def test_authors_do_not_publish_their_own_change_alone_not_even_a_lower_one(
    shop: Settings,
) -> None:
    request = submitted(shop, "max", CHEAPER)
    with pytest.raises(NotAllowedError, match="Authors cannot publish their own change"):
        publish_request(shop, "max", request.request_id, now_ms=NOW, emergency=WHY)
    publish_request(shop, "mia", request.request_id, now_ms=NOW, emergency=WHY)


@pytest.mark.parametrize("who", ["max", "ana", "vera", "root"])
def test_a_second_person_is_another_pricing_manager(shop: Settings, who: str) -> None:
    request = submitted(shop, "max", STEEP)
    with pytest.raises(NotAllowedError):
        confirm_emergency(shop, who, request.request_id, 1, comment="Yes.", now_ms=NOW)


def test_two_people_raise_prices_and_what_they_overrule_is_named_before_and_after(
    shop: Settings,
) -> None:
    request = submitted(shop, "max", STEEP)
    found = preview_emergency(shop, request.request_id)
    assert [gate.name for gate in found.overruled] == ["maximum price step", "first release"]
    assert (found.prices, found.seconds) == ("raise", ())
    confirm_emergency(shop, "mia", request.request_id, 1, comment="I saw it.", now_ms=NOW)
    publish_request(shop, "max", request.request_id, now_ms=NOW, emergency=WHY)
    (emergency,) = read_live_status(shop, now_ms=NOW).emergencies
    assert [gate.split(":")[0] for gate in emergency.gates] == [
        "maximum price step",
        "first release",
    ]
    with control_database(shop).connect() as connection:
        entries = audit.list_entries(connection, request.about)
    (entry,) = [one for one in entries if one.action == "request.glass_broken"]
    details = json.loads(entry.details)
    assert details["gates_overruled"] == list(emergency.gates)
    assert details["second_person"] == ["mia"]
    assert details["limits"]["largest_step"] == 0.3
    with control_database(shop).connect() as connection:
        assert compare_tables(connection, audit.list_entries(connection)) == ()


def test_whoever_confirms_does_not_publish_alone(shop: Settings) -> None:
    request = submitted(shop, "ana", STEEP)
    confirm_emergency(shop, "mia", request.request_id, 1, comment="Yes.", now_ms=NOW)
    with pytest.raises(NotAllowedError, match="takes a second"):
        publish_request(shop, "mia", request.request_id, now_ms=NOW, emergency=WHY)


@pytest.mark.parametrize("why", ["x", " ", "Now!", "so what"])
def test_a_reason_is_some_words(shop: Settings, why: str) -> None:
    request = submitted(shop, "ana", CHEAPER)
    with pytest.raises((InputError, ConflictError)):
        publish_request(shop, "max", request.request_id, now_ms=NOW, emergency=why)
    assert live_version(shop) == ""


def test_lower_is_proved_against_what_is_live_not_against_base_prices(shop: Settings) -> None:
    publish_request(
        shop,
        "mia",
        submitted(shop, "ana", CHEAPER, share=1.0).request_id,
        now_ms=NOW,
        emergency=WHY,
    )
    dearer = submitted(
        shop, "ana", "IF item_views > 3 THEN markup 0.97\nELSE markup 1.00", share=1.0
    )
    assert preview_emergency(shop, dearer.request_id).prices == "raise"
    cheaper = submitted(
        shop, "ana", "IF item_views > 3 THEN markup 0.90\nELSE markup 1.00", share=1.0
    )
    assert preview_emergency(shop, cheaper.request_id).prices == "lower"
    by_network = submitted(shop, "ana", CHEAPER, policy="model")
    assert preview_emergency(shop, by_network.request_id).prices == "raise"


def test_live_and_status_name_an_emergency_for_as_long_as_it_is_live(shop: Settings) -> None:
    number = submitted(shop, "ana", CHEAPER, share=1.0).request_id
    publish_request(shop, "mia", number, now_ms=NOW, emergency=WHY)
    review_emergency(shop, "max", number, comment="Right.", now_ms=NOW)
    (found,) = read_live_status(shop, now_ms=NOW + 100 * 24 * HOUR).emergencies
    assert (found.who, found.why, found.reviewed_by) == ("mia", WHY, "max")
    roll_back(shop, "max", "", why="Over.", now_ms=NOW)
    assert read_live_status(shop, now_ms=NOW).emergencies == ()


@pytest.fixture
def told(shop: Settings) -> Iterator[tuple[Settings, list[dict[str, Any]]]]:
    """The shop with a webhook, and what it received."""
    received: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            received.append(json.loads(self.rfile.read(size)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        yield (
            shop.model_copy(update={"alerts": AlertSettings(webhook=address)}),
            received,
        )
        server.shutdown()


def test_channels_hear_of_an_emergency_at_once_and_of_a_missing_review_after_a_day(
    told: tuple[Settings, list[dict[str, Any]]],
) -> None:
    settings, received = told
    number = submitted(settings, "ana", CHEAPER, share=1.0).request_id
    publish_request(settings, "mia", number, now_ms=NOW, emergency=WHY)
    assert len(received) == 1
    assert WHY in str(received[0])
    watch_once(settings, now_ms=NOW + 23 * HOUR)
    assert len(received) == 1
    watch_once(settings, now_ms=NOW + 25 * HOUR)
    assert len(received) == 2
    assert "was to be reviewed by another person" in str(received[1])
    review_emergency(settings, "max", number, comment="Late, but right.", now_ms=NOW + 26 * HOUR)
    assert len(received) == 4
    assert not [one for one in Alerts(settings).all() if one.is_open]


def test_the_time_of_a_review_is_a_limit(told: tuple[Settings, list[dict[str, Any]]]) -> None:
    settings, received = told
    set_limits(control_database(settings), MACHINE, {"review_hours": 2.0}, settings, now_ms=NOW)
    number = submitted(settings, "ana", CHEAPER, share=1.0).request_id
    publish_request(settings, "mia", number, now_ms=NOW, emergency=WHY)
    watch_once(settings, now_ms=NOW + 3 * HOUR)
    assert len(received) == 2


@pytest.mark.parametrize("who", ["mia", "max", "ana", "vera", "root"])
def test_a_review_is_by_another_person_who_may_approve(shop: Settings, who: str) -> None:
    number = submitted(shop, "max", CHEAPER).request_id
    publish_request(shop, "mia", number, now_ms=NOW, emergency=WHY)
    with pytest.raises(NotAllowedError):
        review_emergency(shop, who, number, comment="Fine.", now_ms=NOW)
    review_emergency(shop, "moe", number, comment="Fine.", now_ms=NOW)


def emergency_and_back(settings: Settings) -> str:
    """An emergency version that was live for all, and base prices again."""
    number = submitted(settings, "ana", CHEAPER, share=1.0).request_id
    done = publish_request(settings, "mia", number, now_ms=NOW, emergency=WHY)
    roll_back(settings, "mia", "", why="Back.", now_ms=NOW)
    return done.version


@pytest.mark.parametrize("who", ["mia", "max"])
def test_a_version_that_nobody_reviewed_is_not_restored(shop: Settings, who: str) -> None:
    version = emergency_and_back(shop)
    with pytest.raises(NotAllowedError, match="was never approved, so it cannot be restored"):
        roll_back(shop, who, version, why="Forth.", now_ms=NOW)
    review_emergency(shop, "max", 1, comment="It was right.", now_ms=NOW)
    assert roll_back(shop, who, version, why="Forth.", now_ms=NOW).version == version


def test_the_version_before_is_the_last_that_people_stand_for(shop: Settings) -> None:
    """Neither a rollback without a name nor an end restores an unreviewed version."""
    emergency_and_back(shop)
    publish_request(shop, "max", approved(shop, submitted(shop, share=0.1)), now_ms=NOW)
    assert roll_back(shop, "max", why="Before.", now_ms=NOW).version == ""
    number = submitted(shop, "ana", CHEAPER.replace("0.95", "0.94"), share=1.0).request_id
    publish_request(shop, "mia", number, now_ms=NOW, emergency=WHY)
    cheap = submitted(shop, "ana", CHEAPER.replace("0.95", "0.90"), share=1.0)
    last = publish_request(shop, "max", approved(shop, cheap), now_ms=NOW)
    assert expire_live(shop, last.version, now_ms=NOW).version == ""


def test_the_database_refuses_what_the_engine_refuses(shop: Settings) -> None:
    """By SQL: an emergency of one's own, one that raises prices, a review of one's own."""
    own, other = submitted(shop, "max", CHEAPER), submitted(shop, "ana", STEEP)
    row = {"revision": 1, "why": WHY, "gates": "[]", "at_ms": 1, "review_by_ms": 2}
    rows: list[dict[str, object]] = [
        {**row, "request_id": own.request_id, "who": "max", "prices": "lower"},
        {**row, "request_id": other.request_id, "who": "mia", "prices": "raise"},
        {**row, "request_id": other.request_id, "who": "vera", "prices": "lower"},
        {**row, "request_id": other.request_id, "who": "ghost", "prices": "lower"},
    ]
    for values in rows:
        with pytest.raises(sa.exc.IntegrityError), control_database(shop).begin() as connection:
            connection.execute(EMERGENCIES.insert().values(values))
    for request in (own, other):
        with pytest.raises(sa.exc.IntegrityError), control_database(shop).begin() as connection:
            connection.execute(
                REQUESTS.update()
                .where(REQUESTS.c.request_id == request.request_id)
                .values(break_glass=WHY, break_revision=1)
            )
    publish_request(shop, "mia", own.request_id, now_ms=NOW, emergency=WHY)
    for who in ("mia", "max", "vera"):
        with pytest.raises(sa.exc.IntegrityError), control_database(shop).begin() as connection:
            connection.execute(
                REVIEWS.insert().values(
                    request_id=own.request_id, revision=1, who=who, comment="ok", at_ms=1
                )
            )


def test_an_emergency_does_not_grow_before_its_review(shop: Settings) -> None:
    """Neither by the share that its author asked for, nor by an unapproved ramp."""
    ramp = (RampStep(1.0, 1.0),)
    number = submitted(shop, "ana", CHEAPER, share=0.1, ramp=ramp).request_id
    publish_request(shop, "mia", number, share=0.05, now_ms=NOW, emergency=WHY)
    for share in (0.1, 1.0):
        with pytest.raises(NotAllowedError):
            set_share(shop, "mia", share, why="More.", now_ms=NOW + 5 * HOUR)
    review_emergency(shop, "max", number, comment="Right.", now_ms=NOW)
    set_share(shop, "mia", 0.1, why="More.", now_ms=NOW + 5 * HOUR)


def test_guard_rails_are_never_overruled(shop: Settings) -> None:
    request = submitted(shop, "ana", GENTLE.replace("1.10", "1.80"))
    confirm_emergency(shop, "max", request.request_id, 1, comment="Yes.", now_ms=NOW)
    with pytest.raises(PhantomError, match="guard rails"):
        publish_request(shop, "mia", request.request_id, now_ms=NOW, emergency=WHY)
