"""Approvals names what an emergency overrules before it; Live shows it while it is live."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from phantom_core.accounts.sign_in import sign_in_demo
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.change_requests import control_database, review_request
from phantom_core.use_cases.approvals.publish_rules import publish_request
from phantom_core.use_cases.data.demo import remove_demo
from phantom_core.valkey.server import stop_embedded
from tests.pages.conftest import Open, enter, texts
from tests.security.governed import CHEAPER, GENTLE, NOW, submitted

pytestmark = pytest.mark.slow
WHY = "Competitor prices collapsed overnight."


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(workspace=tmp_path / "shop", redis_url="")
    remove_demo(settings)
    for login in ("demo-analyst", "demo-manager"):
        sign_in_demo(control_database(settings), login, now_ms=NOW, hours=1)
    yield settings
    stop_embedded(settings)
    control_database(settings).dispose()


def test_a_manager_sees_what_is_overruled_and_publishes_what_only_lowers_prices(
    shop: Settings, open_page: Open
) -> None:
    number = submitted(shop, "demo-analyst", CHEAPER, share=0.5).request_id
    page = enter(open_page(shop.workspace, "approvals"), "demo-manager")
    said = texts(page)
    assert "No session pays more than now. So one person can publish it" in said
    assert "Overrules **first release**" in said
    page.text_input(key=f"emergency_why_{number}").set_value(WHY)
    page.button(key=f"emergency_{number}").click().run()
    assert review_request(shop, number).request.state == "live"
    shown = enter(open_page(shop.workspace, "live"), "demo-manager")
    live = texts(shown)
    assert "Live by an emergency, not as approved" in live
    assert WHY in live
    assert "Gate overruled: first release" in live
    assert "REVIEW OVERDUE" not in live
    ways = next(one for one in shown.dataframe if "measured" in one.value)
    assert ways.value["measured"].isna().all()
    assert ways.proto.placeholder == "–"


def test_what_may_raise_prices_waits_for_a_second_person(shop: Settings, open_page: Open) -> None:
    number = submitted(shop, "demo-analyst", GENTLE).request_id
    page = enter(open_page(shop.workspace, "approvals"), "demo-manager")
    assert "a second pricing manager has to confirm it first" in texts(page)
    assert page.button(key=f"emergency_{number}").disabled


def test_a_missing_review_is_red_on_live(shop: Settings, open_page: Open) -> None:
    number = submitted(shop, "demo-analyst", CHEAPER, share=1.0).request_id
    publish_request(shop, "demo-manager", number, now_ms=NOW, emergency=WHY)
    page = enter(open_page(shop.workspace, "live"), "demo-manager")
    assert any("REVIEW OVERDUE" in one.value for one in page.error)
