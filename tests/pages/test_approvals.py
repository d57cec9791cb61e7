"""Approvals, Live, Audit and People: what each role sees and may do."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from phantom_core.accounts.people import MACHINE, add_person
from phantom_core.accounts.roles import Role
from phantom_core.accounts.sign_in import sign_in as open_session
from phantom_core.accounts.sign_in import sign_in_demo
from phantom_core.core.settings import Settings
from phantom_core.rules.text import parse_rules
from phantom_core.use_cases.approvals import change_requests
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.live_status import read_live_status
from phantom_core.use_cases.approvals.publish_rules import publish_request
from phantom_core.valkey.server import connect_server, stop_embedded
from tests.pages.conftest import NOW_MS, Open, enter, signed_in, texts, wait_for_jobs
from ui.frame.handles import now_ms

pytestmark = pytest.mark.slow

GENTLE = "IF p_agent > 0.7 THEN markup 1.10 (likely agent)\nELSE markup 1.00"
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def proposed(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gentle rules submitted by the demo analyst as request 1; never written to."""
    settings = Settings(
        workspace=shutil.copytree(trained, tmp_path_factory.mktemp("proposed") / "shop"),
        redis_url="",
    )
    for login in ("demo-analyst", "demo-manager"):
        sign_in_demo(control_database(settings), login, now_ms=NOW_MS, hours=1)
    request = change_requests.propose_rules(
        settings,
        "demo-analyst",
        parse_rules(GENTLE, "gentle"),
        why="Less leakage.",
        share=0.1,
        now_ms=NOW_MS,
    )
    change_requests.submit_request(
        settings, "demo-analyst", request.request_id, now_ms=NOW_MS, trial_sessions=60
    )
    control_database(settings).dispose()
    return settings.workspace


@pytest.fixture
def shop(proposed: Path, tmp_path: Path) -> Iterator[Path]:
    """The same, of one's own."""
    workspace = shutil.copytree(proposed, tmp_path / "shop")
    yield workspace
    stop_embedded(Settings(workspace=workspace, redis_url=""))


def test_demo_sign_in_is_visible_and_lets_propose(shop: Path, open_page: Open) -> None:
    page = open_page(shop, "approvals")
    assert "Guest of this machine. Sign in as:" in texts(page)
    forms = [element.proto.body for element in page.get("html")]
    assert all(
        any(f">{name}</button>" in form for form in forms)
        for name in ("Demo analyst", "Demo manager")
    )
    assert not any(button.label.startswith("Gather evidence") for button in page.button)
    page = enter(page, "demo-analyst")
    assert "**Demo analyst** :small[analyst]" in texts(page)
    assert any(button.label.startswith("Gather evidence") for button in page.button)


def test_an_analyst_proposes_and_the_evidence_comes_by_itself(own: Path, open_page: Open) -> None:
    page = enter(open_page(own, "approvals"), "demo-analyst")
    assert "No changes proposed yet" in texts(page)
    page.text_area(key="propose_why_new_0").set_value("Try the bands.")
    page.button(key="propose_submit").click().run()
    assert not page.exception
    assert not page.error
    wait_for_jobs(own)
    page.run()
    (blocked,) = page.error
    assert blocked.value.startswith("**Blocked by: ")
    assert "first release**: Up to ×1.30 for 10 %" in blocked.value
    assert "*Fix:* Begin with a smaller canary and smaller mark-ups" in blocked.value
    stop_embedded(Settings(workspace=own, redis_url=""))


def test_without_a_reason_nothing_is_proposed(own: Path, open_page: Open) -> None:
    page = enter(open_page(own, "approvals"), "demo-analyst")
    page.button(key="propose_submit").click().run()
    assert "The purpose of this change is missing." in page.error[0].value
    stop_embedded(Settings(workspace=own, redis_url=""))


def test_the_author_cannot_decide_and_a_manager_can(shop: Path, open_page: Open) -> None:
    page = enter(open_page(shop, "approvals"), "demo-analyst")
    assert not any(button.key == "approve_1" for button in page.button)
    page = enter(open_page(shop, "approvals"), "demo-manager")
    page.button(key="approve_1").click().run()
    assert not page.error
    assert "1 of 1 approvals" in texts(page)
    page.button(key="publish_1").click().run()
    assert not page.error
    assert "live for 10 %" in texts(page)
    settings = Settings(workspace=shop, redis_url="")
    assert read_live_status(settings, now_ms=NOW_MS).is_well


def test_a_rejection_needs_a_reason_and_shows_it(shop: Path, open_page: Open) -> None:
    page = enter(open_page(shop, "approvals"), "demo-manager")
    page.button(key="decline_1").click().run()
    assert "The reason for the rejection is missing." in page.error[0].value
    page.text_input(key="decline_comment_1").set_value("Too early.").run()
    page.button(key="decline_1").click().run()
    assert "**demo-manager** rejected: Too early." in texts(page)


def test_a_manager_kills_lifts_and_rolls_back(shop: Path, open_page: Open) -> None:
    settings = Settings(workspace=shop, redis_url="")
    change_requests.approve_request(settings, "demo-manager", 1, 1, now_ms=NOW_MS)
    publish_request(settings, "demo-manager", 1, now_ms=NOW_MS)
    page = enter(open_page(shop, "live"), "demo-manager")
    page.button(key="kill").click().run()
    assert "The kill switch is on" in texts(page)
    page.button(key="revive").click().run()
    assert "The kill switch is on" not in texts(page)
    page.button(key="rollback_go").click().run()
    assert not page.error
    assert next(metric.value for metric in page.metric) == "base prices"


def test_divergence_is_shown_on_every_page_and_fixed_by_a_click(
    shop: Path, open_page: Open
) -> None:
    settings = Settings(workspace=shop, redis_url="")
    change_requests.approve_request(settings, "demo-manager", 1, 1, now_ms=NOW_MS)
    publish_request(settings, "demo-manager", 1, now_ms=NOW_MS)
    with connect_server(settings) as client:
        client.flushdb()
    page = enter(open_page(shop, "live"), "demo-manager")
    assert "out of sync with the approved release" in texts(page)
    page.button(key="heal").click().run()
    assert "In sync with release" in texts(page)


def test_a_chain_that_was_tampered_with_says_so(shop: Path, open_page: Open) -> None:
    import sqlalchemy as sa

    settings = Settings(workspace=shop, redis_url="")
    assert "entries holds; its head is" in texts(open_page(shop, "audit"))
    with control_database(settings).begin() as connection:
        connection.execute(sa.text("DROP TRIGGER audit_no_update"))
        connection.execute(sa.text("UPDATE audit SET who = 'eve' WHERE seq = 3"))
    page = open_page(shop, "audit")
    assert (
        "Entry 3 (change.in_force by eve) was changed after it was written." in page.error[0].value
    )


@pytest.fixture
def accounts(shop: Path) -> Path:
    engine = control_database(Settings(workspace=shop))
    add_person(
        engine,
        MACHINE,
        "root",
        name="Root",
        role=Role.ADMINISTRATOR,
        password=PASSWORD,
        now_ms=1,
        must_change=False,
    )
    add_person(
        engine,
        "root",
        "vic",
        name="Vic",
        role=Role.VIEWER,
        password=PASSWORD,
        now_ms=1,
        must_change=False,
    )
    add_person(engine, "root", "max", name="Max", role=Role.MANAGER, password=PASSWORD, now_ms=1)
    return shop


def sign_in(page: AppTest, login: str, password: str = PASSWORD) -> AppTest:
    """The page as it is once its browser has the cookie of an account."""
    return signed_in(
        page, open_session(control_database(Settings()), login, password, now_ms=now_ms(), hours=1)
    )


def test_with_accounts_no_page_opens_unsigned(accounts: Path, open_page: Open) -> None:
    for screen in ("overview", "approvals", "people"):
        page = open_page(accounts, screen)
        assert [title.value for title in page.title] == ["PHANTOM"]
        assert not page.dataframe


def test_a_viewer_sees_a_request_and_can_do_nothing_about_it(
    accounts: Path, open_page: Open
) -> None:
    page = sign_in(open_page(accounts), "vic")
    page.switch_page("pages/approvals.py").run()
    assert "Less leakage." in texts(page)
    assert not [
        button.key
        for button in page.button
        if button.key and button.key.startswith(("approve", "decline", "publish", "propose"))
    ]
    page.switch_page("pages/rules.py").run()
    page.button(key="rules_save").click().run()
    assert "may not load data, train models and write rules" in page.error[0].value


def test_a_viewer_who_opens_the_page_of_accounts_is_refused(
    accounts: Path, open_page: Open
) -> None:
    page = sign_in(open_page(accounts), "vic")
    page.switch_page("pages/people.py").run()
    assert page.error[0].value.startswith("Vic is a viewer and may not manage people.")
    assert not page.dataframe
    assert not page.number_input


def test_a_viewer_cannot_start_work(accounts: Path, open_page: Open) -> None:
    page = sign_in(open_page(accounts), "vic")
    page.switch_page("pages/leakage.py").run()
    next(button for button in page.button if button.label.startswith("Measure")).click().run()
    assert "Vic is a viewer and may not load data" in page.error[0].value


def test_a_first_password_has_to_be_changed(accounts: Path, open_page: Open) -> None:
    page = sign_in(open_page(accounts), "max")
    assert "Your password was set by an administrator." in texts(page)
    assert not page.exception
    assert not page.title
    for field, typed in zip(
        page.text_input, (PASSWORD, "another long one", "another long one"), strict=True
    ):
        field.set_value(typed)
    next(button for button in page.button if button.label == "Change password").click().run()
    assert [title.value for title in page.title] == ["Overview"]


def test_an_administrator_adds_people_and_sets_limits(accounts: Path, open_page: Open) -> None:
    page = sign_in(open_page(accounts), "root")
    page.switch_page("pages/people.py").run()
    page.text_input(key="add_login").set_value("ana")
    page.text_input(key="add_password").set_value(PASSWORD)
    next(button for button in page.button if button.label == "Add person").click().run()
    assert not page.error
    assert "ana" in list(page.dataframe[0].value["login"])
    page.number_input(key="limit_human_premium_cap").set_value(0.02)
    next(button for button in page.button if button.label == "Save limits").click().run()
    assert not page.exception
