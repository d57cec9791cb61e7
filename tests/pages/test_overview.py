"""The overview stands on its own figures and follows what other processes do."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from phantom_core.core.settings import Settings
from phantom_core.use_cases.data.demo import has_demo
from phantom_core.use_cases.data.ingest import ingest_files
from tests.pages.conftest import NOW_MS, Open, texts

pytestmark = pytest.mark.slow


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_figures_stand_beside_their_baselines(trained: Path, open_page: Open) -> None:
    page = open_page(trained)
    assert metrics(page)["Sessions"] == "300"
    classifier = next(metric for metric in page.metric if metric.label == "Classifier, ROC-AUC")
    assert classifier.delta.startswith("velocity rule 0.")
    assert len(page.get("plotly_chart")) == 2


def test_without_labels_the_next_step_is_to_load_some(unlabelled: Path, open_page: Open) -> None:
    page = open_page(unlabelled)
    assert metrics(page)["Labelled"] == "0 %"
    assert [link.label for link in page.get("page_link")] == [
        "**Review the quarantine**",
        "**Load labels**",
    ]


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
