"""The app over the network: headers on every answer, a policy the pages keep, no traces."""

from collections.abc import Iterator
from typing import Final

import httpx
import pytest

from phantom_core.core.settings import Settings
from phantom_core.use_cases.data.ingest import ingest_files
from tests.conftest import NOW_MS
from tests.pages.browser import CHROMIUM, browser_page, served, settle
from ui.frame.headers import HSTS, content_policy

pytestmark = pytest.mark.slow

HOSTILE: Final = "![](https://evil.test/a.png) <img src=https://evil.test/b.png>"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    workspace = tmp_path_factory.mktemp("headers") / "workspace"
    clicks = tmp_path_factory.mktemp("clicks") / "clicks.jsonl"
    clicks.write_text(
        '{"sessionId": "s1", "ts": "2026-03-01T12:00:00Z", "eventName": "view_item", '
        f'"productId": "p", "userAgent": "{HOSTILE}"}}\n'
    )
    ingest_files(Settings(workspace=workspace), [clicks], now_ms=NOW_MS)
    with served(workspace) as url:
        yield url


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/static/nothing.js", "/nowhere"])
def test_every_answer_of_the_app_carries_the_headers(path: str, app: str) -> None:
    headers = httpx.get(f"{app}{path}").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy and "img-src 'self' data: blob:" in policy
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "unsafe" not in scripts and "http" not in scripts
    assert "strict-transport-security" not in headers


def test_strict_transport_is_told_behind_a_proxy_with_tls(app: str) -> None:
    answer = httpx.get(f"{app}/_stcore/health", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["strict-transport-security"] == HSTS


def test_inline_scripts_of_the_shell_are_allowed_by_hash_alone() -> None:
    policy = content_policy("<script>\n a = 1\n</script><script src='x'></script>")
    assert policy.count("'sha256-") == 1 and "script-src 'self' 'sha256-" in policy


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="no chromium on the path, and PHANTOM_CHROMIUM names none")
def test_pages_work_within_the_policy_and_load_nothing_from_elsewhere(app: str) -> None:
    with browser_page() as page:
        requested: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        for path in ("/", "/sessions?session=s1", "/data", "/rules", "/features"):
            page.goto(f"{app}{path}")
            page.wait_for_selector("h1")
            settle(page)
        page.goto(f"{app}/sessions?session=s1")
        page.wait_for_selector("text=Session s1")
        settle(page)
        assert HOSTILE.split(" ")[0] in page.inner_text("body").replace("\u2060", "")
        assert page.locator(".js-plotly-plot").count()
    elsewhere = [url for url in requested if not url.startswith((app, "data:", "blob:"))]
    assert not elsewhere
    assert not [text for text in said if "Content Security Policy" in text]
