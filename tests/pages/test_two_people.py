"""Two people in two windows, and people whom an identity provider knows."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect  # noqa: E402

from phantom_core.core.settings import Settings  # noqa: E402
from phantom_core.valkey.server import stop_embedded  # noqa: E402
from tests.pages.browser import CHROMIUM, browser_page, free_port, served, settle, wait_for  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM, reason="no chromium on the path, and PHANTOM_CHROMIUM names none"
    ),
]
expect.set_options(timeout=60_000)
GENTLE = "IF p_agent > 0.7 THEN markup 1.10 (likely agent)\nELSE markup 1.00\n"


@pytest.fixture
def workspace(trained: Path, tmp_path: Path) -> Iterator[Path]:
    made = shutil.copytree(trained, tmp_path / "shop")
    (made / "rule_sets").mkdir()
    (made / "rule_sets" / "gentle.txt").write_text(GENTLE)
    yield made
    stop_embedded(Settings(workspace=made, redis_url=""))


def enter(page: Page, url: str, name: str) -> None:
    page.goto(f"{url}/approvals?propose=gentle")
    page.get_by_role("button", name=name).click()
    expect(page.get_by_text("Leave demo")).to_be_visible()
    settle(page)


def test_one_proposes_and_the_other_approves_and_publishes(workspace: Path) -> None:
    with served(workspace) as url, browser_page() as ana:
        enter(ana, url, "Demo analyst")
        ana.get_by_label("Reason").first.fill("Less leakage.")
        ana.keyboard.press("Tab")
        settle(ana)
        ana.get_by_role("button", name="Gather evidence and submit").first.click()
        expect(ana.get_by_text("All gates passed.")).to_be_visible()
        expect(ana.get_by_role("button", name="Approve", exact=True)).to_have_count(0)
        manager = ana.context.browser
        assert manager
        max_ = manager.new_context(viewport={"width": 800, "height": 1000}).new_page()
        enter(max_, url, "Demo manager")
        max_.get_by_role("button", name="Approve", exact=True).click()
        max_.get_by_role("button", name="Approve this revision").click()
        expect(max_.get_by_text("1 of 1 approvals")).to_be_visible()
        settle(max_)
        max_.get_by_role("button", name="Publish", exact=True).click()
        max_.get_by_role("button", name="Publish to 10 % of sessions").click()
        expect(max_.get_by_text("live for 10 %")).to_be_visible()
        # The sign-in outlives a reload, and the other window sees what happened.
        ana.reload()
        expect(ana.get_by_text("Demo analyst", exact=True)).to_be_visible()
        expect(ana.get_by_text("live for 10 %")).to_be_visible()


KNOWN = (
    {"sub": "mia", "email": "mia@shop.example", "name": "Mia", "groups": ["pricing"]},
    {"sub": "gus", "email": "gus@shop.example", "name": "Gus", "groups": ["cooks"]},
)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[str]:
    """A real OpenID Connect provider that knows two people."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    for claims in KNOWN:
        command += ["--user-claims", json.dumps(claims)]
    with (tmp_path / "provider.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}/.well-known/openid-configuration"
    wait_for(url, process, tmp_path / "provider.log")
    yield url
    process.terminate()
    process.wait(timeout=20)


def test_an_identity_providers_groups_become_roles(
    workspace: Path, provider: str, tmp_path: Path
) -> None:
    port = free_port()
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(
        f"""[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "{"s" * 40}"
client_id = "phantom"
client_secret = "secret"
server_metadata_url = "{provider}"
"""
    )
    roles = {"PHANTOM_OIDC_ROLES": '{"pricing": "pricing manager"}'}
    with (
        served(workspace, port=port, arguments=("--secrets.files", str(secrets)), **roles) as url,
        browser_page() as page,
    ):
        signed_in(page, url, "mia")
        expect(page.get_by_text("pricing manager").first).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("button", name="End session").click()  # the provider asks once more
        browser = page.context.browser
        assert browser
        other = browser.new_context().new_page()
        signed_in(other, url, "gus")
        expect(other.get_by_text(re.compile(r"Gus \(\w+\) has no role here"))).to_be_visible()


def signed_in(page: Page, url: str, subject: str) -> None:
    page.goto(f"{url}/people")
    page.get_by_role("button", name="Sign in with your organisation").click()
    page.locator("input[name=sub]").fill(subject)
    page.get_by_role("button", name="Authorize").first.click()
