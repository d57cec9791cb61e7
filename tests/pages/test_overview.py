"""The overview stands on its own figures and follows what other processes do."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from phantom_core.core.settings import Settings
from phantom_core.use_cases.data.demo import has_demo
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.overview.job_summarise_business import SummariseBusinessRequest
from tests.pages.conftest import NOW_MS, Open, enter, texts, wait_for_jobs

pytestmark = pytest.mark.slow


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def summarise(workspace: Path, days: int = 7) -> None:
    SummariseBusinessRequest(days=days).run(Settings(workspace=workspace), now_ms=NOW_MS)


def test_money_is_one_click_away_with_period_currency_and_interval(
    own: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHANTOM_CURRENCY", "EUR")
    page = open_page(own)
    assert "have not been worked out yet" in texts(page)
    page.button(key="summarise").click().run()
    wait_for_jobs(own)
    page.run()
    assert not page.exception and not page.error
    found = {metric.label: metric for metric in page.metric}
    assert found["Leakage, 7 days"].value.endswith(" EUR")
    assert found["Leakage, 7 days"].delta.startswith("95 %: ")
    assert found["Recovered by live rules"].delta == "No rules are live."
    said = texts(page)
    assert "compared with" in said and "Amounts in EUR." in said and "ago." in said
    assert {"leakage_trend", "conversion"} <= {chart.key for chart in page.get("plotly_chart")}


def test_stored_figures_say_when_they_lack_new_data(own: Path, open_page: Open) -> None:
    summarise(own)
    assert "New data was loaded since" not in texts(open_page(own))
    path = own / "late.csv"
    path.write_text("sessionId,ts,eventName\nlate,2026-03-01T12:00:00Z,search\n")
    ingest_files(Settings(workspace=own), [path], now_ms=NOW_MS)
    assert "New data was loaded since" in texts(open_page(own))


def test_who_decides_sees_first_what_waits(own: Path, open_page: Open) -> None:
    def headings(page: AppTest) -> list[str]:
        return [str(one.value) for one in page.header]

    waits = "Nothing is waiting for you"
    assert headings(enter(open_page(own), "demo-manager"))[:2] == [waits, "Live"]
    assert headings(enter(open_page(own), "demo-analyst"))[:2] == ["Revenue and leakage", waits]


def test_an_unsaved_rule_set_waits_with_its_link(own: Path, open_page: Open) -> None:
    page = open_page(own, "rules")
    next(area for area in page.text_area if area.label == "Rules").set_value(
        "ELSE markup 1.1"
    ).run()
    links = [link.label for link in open_page(own).get("page_link")]
    assert "**1 unsaved rule set**" in links


def test_the_classifier_stands_beside_its_baseline(trained: Path, open_page: Open) -> None:
    page = open_page(trained)
    assert metrics(page)["Sessions"] == "300"
    classifier = next(metric for metric in page.metric if metric.label == "Classifier, ROC-AUC")
    assert classifier.delta.startswith("velocity rule 0.")


def test_without_labels_the_next_step_is_to_load_some(unlabelled: Path, open_page: Open) -> None:
    page = open_page(unlabelled)
    assert metrics(page)["Labelled"] == "0 %"
    links = [link.label for link in page.get("page_link")]
    assert {"**Review the quarantine**", "**Load labels**"} <= set(links)


def test_what_another_process_loads_shows_at_the_next_interaction(
    own: Path, open_page: Open
) -> None:
    page = open_page(own)
    path = own / "late.csv"
    path.write_text("sessionId,ts,eventName\nlate,2026-03-01T12:00:00Z,search\n")
    ingest_files(Settings(workspace=own), [path], now_ms=NOW_MS)
    page.run()
    assert metrics(page)["Sessions"] == "301"
    assert "+1 sessions" in texts(page)


def test_demo_data_is_removed_when_asked_for_and_confirmed(own: Path, open_page: Open) -> None:
    page = open_page(own)
    page.button(key="remove_demo").click().run()
    assert "from the workspace of everybody" in texts(page)
    assert has_demo(own)
    page.button(key="remove_demo_sure").click().run()
    assert not has_demo(own)
    assert "No sessions yet" in texts(page)
    assert "remove_demo" not in {button.key for button in page.button}
