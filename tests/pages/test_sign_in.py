"""Signing in and out in a browser: the cookie, the form, and what stays when a page is opened
again.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect  # noqa: E402

from phantom_core.accounts.people import MACHINE, add_person  # noqa: E402
from phantom_core.accounts.roles import Role  # noqa: E402
from phantom_core.core.settings import Settings  # noqa: E402
from phantom_core.use_cases.approvals.change_requests import control_database  # noqa: E402
from phantom_core.use_cases.data.demo import remove_demo  # noqa: E402
from tests.pages.browser import CHROMIUM, browser_page, served  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM, reason="no chromium on the path, and PHANTOM_CHROMIUM names none"
    ),
]
expect.set_options(timeout=60_000)
PASSWORD = "correct horse battery"
OTHER = "another long one"


@pytest.fixture
def page() -> Iterator[Page]:
    with browser_page() as opened:
        yield opened


def without_data(workspace: Path) -> Settings:
    settings = Settings(workspace=workspace)
    remove_demo(settings)
    return settings


def sign_in(page: Page, login: str, password: str) -> None:
    page.get_by_label("Login").fill(login)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def cookie(page: Page) -> dict[str, object]:
    return dict(
        next((one for one in page.context.cookies() if one["name"] == "phantom_sign_in"), {})
    )


def test_no_script_reads_the_cookie_of_a_demo_person(tmp_path: Path, page: Page) -> None:
    without_data(tmp_path / "shop")
    with served(tmp_path / "shop") as url:
        page.goto(f"{url}/people?x=1")
        page.get_by_role("button", name="Demo analyst").click()
        expect(page.get_by_text("Demo analyst", exact=True)).to_be_visible()
        assert page.url == f"{url}/people?x=1"
        kept = cookie(page)
        assert (kept["httpOnly"], kept["sameSite"], kept["secure"]) == (True, "Lax", False)
        assert "phantom_sign_in" not in page.evaluate("document.cookie")
        page.reload()
        page.get_by_role("button", name="Leave demo").click()
        expect(page.get_by_role("button", name="Demo manager")).to_be_visible()
        assert not cookie(page)


def test_a_wrong_password_is_one_sentence_and_the_login_stays(tmp_path: Path, page: Page) -> None:
    engine = control_database(without_data(tmp_path / "shop"))
    add_person(
        engine, MACHINE, "root", name="Root", role=Role.ADMINISTRATOR, password=PASSWORD, now_ms=1
    )
    with served(tmp_path / "shop") as url:
        page.goto(f"{url}/people")
        sign_in(page, 'ro"ot', "something else")
        expect(page.get_by_text("Wrong login or password.")).to_be_visible()
        expect(page.get_by_label("Login")).to_have_value('ro"ot')
        expect(page.get_by_label("Password")).to_have_value("")
        sign_in(page, "root", PASSWORD)
        expect(page.get_by_text("Your password was set by an administrator.")).to_be_visible()
        page.get_by_label("Current password").fill(PASSWORD)
        page.get_by_role("textbox", name="New password", exact=True).fill(OTHER)
        page.get_by_label("Confirm new password").fill(OTHER)
        page.get_by_role("button", name="Change password").click()
        expect(page.get_by_role("heading", name="People")).to_be_visible()
        # The sign-in outlives a reload, and what was refused before is forgotten once somebody
        # signs out.
        page.reload()
        expect(page.get_by_role("heading", name="People")).to_be_visible()
        other = page.context.new_page()
        other.goto(f"{url}/people")
        expect(other.get_by_role("heading", name="People")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Login")).to_have_value("")
        expect(page.get_by_text("Wrong login or password")).to_have_count(0)
        other.get_by_role("link", name="Overview").click()  # a tab that was open is out, too
        expect(other.get_by_label("Login")).to_be_visible()


def test_the_browser_opens_when_the_server_starts(tmp_path: Path) -> None:
    without_data(tmp_path / "shop")
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(0o755)
    with served(
        tmp_path / "shop", arguments=("--server.headless", "false"), BROWSER=str(browser)
    ) as url:
        assert opened.read_text().strip() == f"{url.replace('127.0.0.1', 'localhost')}/"
