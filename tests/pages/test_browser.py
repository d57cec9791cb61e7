"""The app in use: in a browser, over the network, with jobs in other processes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Page, expect  # noqa: E402

from tests.pages.browser import CHROMIUM, browser_page, served, settle  # noqa: E402
from tests.pages.conftest import wait_for_jobs  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM, reason="no chromium on the path, and PHANTOM_CHROMIUM names none"
    ),
]

expect.set_options(timeout=30_000)

CLICKS = """\
sessionId,ts,eventName
w1,2026-03-01T12:00:00Z,search
w1,2026-03-01T12:00:09Z,view_item
w2,soon,search
"""


@pytest.fixture(scope="module")
def app(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    workspace = shutil.copytree(trained, tmp_path_factory.mktemp("served") / "workspace")
    with served(workspace) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browser_page() as opened:
        assert opened.context.browser
        yield opened.context.browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        opened = context.new_page()
        opened.set_default_timeout(30_000)
        yield opened


def upload(page: Page, path: Path) -> None:
    page.locator("[class*=st-key-load_files] input[type=file]").set_input_files(str(path))
    expect(page.get_by_text(path.name).first).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Load", exact=True).click()


def test_a_shared_link_opened_first_of_all_has_the_menu(app: str, page: Page) -> None:
    page.goto(f"{app}/sessions?label=agent")
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
    expect(page.get_by_text("Models", exact=True)).to_be_visible()
    expect(page.get_by_text("Demo data", exact=True)).to_be_visible()


def test_a_filter_in_the_url_survives_a_reload(app: str, page: Page) -> None:
    page.goto(f"{app}/sessions")
    page.get_by_label("Session or experiment").fill("s-0")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sessions?q=s-0")
    expect(page.get_by_text("of 300")).to_be_visible()
    found = page.get_by_text("of 300").inner_text()
    page.reload()
    expect(page.get_by_label("Session or experiment")).to_have_value("s-0")
    expect(page.get_by_text("of 300")).to_have_text(found)


def test_a_row_that_is_selected_opens_its_session_in_time(app: str, page: Page) -> None:
    page.goto(f"{app}/sessions")
    table = page.get_by_test_id("stDataFrame").first
    table.wait_for()
    settle(page)
    table.click(position={"x": 22, "y": 55})
    page.wait_for_url("**session=*")
    expect(page.get_by_role("heading", name="Session s-")).to_be_visible()
    expect(page.locator(".st-key-timeline .js-plotly-plot")).to_be_visible()
    page.reload()
    expect(page.locator(".st-key-timeline .js-plotly-plot")).to_be_visible()


def test_a_file_is_loaded_and_its_bad_row_found_in_the_quarantine(
    app: str, page: Page, tmp_path: Path
) -> None:
    (tmp_path / "clicks.csv").write_text(CLICKS)
    page.goto(f"{app}/data")
    upload(page, tmp_path / "clicks.csv")
    expect(page.get_by_text("Last load")).to_be_visible()
    expect(page.locator("[data-testid=stMetric]").filter(has_text="= accepted")).to_contain_text(
        "2"
    )
    page.get_by_role("tab", name="Quarantine").click()
    expect(page.get_by_text("1 row", exact=True)).to_be_visible()
    assert page.url.endswith("data_tab=Quarantine")


def test_a_bad_file_is_one_sentence(app: str, page: Page, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")
    page.goto(f"{app}/data")
    upload(page, tmp_path / "empty.csv")
    expect(page.get_by_test_id("stAlert").filter(has_text="Loading failed")).to_contain_text(
        "is empty (0 bytes)"
    )
    expect(page.get_by_text("Traceback")).to_have_count(0)


def test_a_training_shows_progress_to_all_and_can_be_cancelled(app: str, page: Page) -> None:
    page.goto(f"{app}/classifier?classifier_tab=Train+and+versions")
    page.get_by_role("slider").press("End")  # as many folds as can be: time enough to look
    page.get_by_role("button", name="Train classifier").click()
    expect(page.locator(".st-key-job_train_classifier")).to_contain_text("% after")
    # The model is usable within seconds; what takes long are the studies that follow.
    page.get_by_role("tab", name="Robustness").click()
    study = ".st-key-job_study_classifier"
    expect(page.locator(study)).to_contain_text("% after", timeout=90_000)
    other = page.context.new_page()
    other.goto(f"{app}/classifier?classifier_tab=Robustness")
    other.locator(study).get_by_role("button", name="Cancel").click()
    for reader in (page, other):
        expect(reader.get_by_text("was cancelled")).to_be_visible()
    page.reload()
    expect(page.get_by_text("was cancelled")).to_be_visible()


def test_a_new_workspace_fills_itself_once_and_is_emptied_when_confirmed(
    tmp_path: Path, page: Page
) -> None:
    with served(tmp_path / "new", PHANTOM_DEMO_SESSIONS="100") as url:
        page.goto(url)
        expect(page.get_by_text("Recommended next steps")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("Classifier, ROC-AUC")).to_be_visible(timeout=60_000)
        wait_for_jobs(tmp_path / "new")
        settle(page)
        page.get_by_role("button", name="Demo data").click()
        page.get_by_role("button", name="Remove demo data").click()
        page.get_by_role("button", name="Remove for everybody").click()
        expect(page.get_by_text("No sessions yet")).to_be_visible()
        page.reload()
        expect(page.get_by_text("No sessions yet")).to_be_visible()
        settle(page)
        expect(page.get_by_role("button", name="Load demo data")).to_be_visible()


@pytest.mark.skipif(not shutil.which("dot"), reason="Graphviz is not installed")
def test_a_tree_is_distilled_drawn_zoomed_and_downloaded(app: str, page: Page) -> None:
    page.goto(f"{app}/explain?explain_tab=Rules+as+a+tree")
    page.get_by_role("button", name="Distil tree", exact=True).click()
    picture = page.locator(".tree-window img")
    expect(picture).to_be_visible(timeout=90_000)
    settle(page)
    before = picture.evaluate("image => image.naturalWidth > 0 ? image.clientWidth : 0")
    page.get_by_role("slider", name="Zoom").press("End")
    settle(page)
    assert 0 < before < picture.evaluate("image => image.clientWidth")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download tree as SVG").click()
    assert download.value.path().read_text().startswith("<svg")


def test_a_rule_is_fixed_edited_as_a_table_saved_and_downloaded(app: str, page: Page) -> None:
    page.goto(f"{app}/rules")
    text = page.locator("[class*=st-key-rules_text] textarea")
    text.fill("IF p_agent > high THEN markup 1.30\nELSE markup 1.00")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_test_id("stAlert")).to_contain_text("line 1: found high, expected a number")
    text.fill("IF p_agent > 0.7 THEN markup 1.30\nELSE markup 1.00")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("No issues found")).to_be_visible()
    page.get_by_text("Table", exact=True).click()
    table = page.get_by_test_id("stDataFrame").first
    table.wait_for()
    settle(page)
    table.dblclick(position={"x": 560, "y": 52})  # the threshold of the first row
    cell = page.locator("#portal textarea")
    cell.fill("0.9")
    cell.press("Enter")
    expect(page.get_by_text("IF p_agent > 0.9 THEN markup 1.30")).to_be_visible()
    page.get_by_label("Save as").fill("sure")
    page.keyboard.press("Enter")
    settle(page)
    page.get_by_role("button", name="Save rule set", exact=True).click()
    page.wait_for_url("**rules=sure*")
    settle(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="GoRules JDM").click()
    assert download.value.suggested_filename == "sure.jdm.json"
    assert "$ != null and number($) > 0.9" in download.value.path().read_text()


def test_no_page_is_wider_than_the_window(app: str, page: Page) -> None:
    for screen in (
        "",
        "data",
        "sessions",
        "features",
        "classifier",
        "demand",
        "explain",
        "rules",
        "leakage",
        "simulator",
    ):
        page.set_viewport_size({"width": 800, "height": 900})
        page.goto(f"{app}/{screen}")
        page.get_by_role("heading", level=1).wait_for()
        for width_px in (800, 1440):
            page.set_viewport_size({"width": width_px, "height": 900})
            settle(page)
            too_wide = page.evaluate(
                "document.querySelector('[data-testid=stMain]').scrollWidth - window.innerWidth"
            )
            assert too_wide <= 0, (screen, width_px)
