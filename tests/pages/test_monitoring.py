"""Monitoring: one click from a look to its figures, its alerts and its downloads."""

import json
from pathlib import Path

import pytest

from phantom_core.alerts.alerts import Alerts
from phantom_core.core.settings import Settings
from phantom_core.use_cases.models.job_retrain import RetrainRequest
from phantom_core.use_cases.operations.job_monitor import MonitorRequest
from tests.pages.conftest import NOW_MS, Open, texts, wait_for_jobs

pytestmark = pytest.mark.slow


def look(workspace: Path) -> None:
    MonitorRequest().run(Settings(workspace=workspace), now_ms=NOW_MS)


def test_a_look_is_one_click_away_and_shows_its_limits(own: Path, open_page: Open) -> None:
    page = open_page(own, "monitoring")
    assert "No checks have run yet" in texts(page)
    page.button(key="monitor").click().run()
    wait_for_jobs(own)
    page.run()
    assert not page.error or all("since" in one.value for one in page.error)
    assert {"Sessions", "Detected agents", "Revenue", "Leakage"} <= {
        metric.label for metric in page.metric
    }
    checks = page.dataframe[0].value
    assert {"detection rate", "revenue", "quarantine", "silence", "stale classifier"} <= set(
        checks["check"]
    )
    assert checks.loc[checks["check"] == "detection rate", "limit"].item() == 0.2
    charts = [json.loads(one.proto.spec) for one in page.get("plotly_chart")]
    assert len(charts) == 2
    for chart, label in zip(charts, ("Detected agents", "Revenue"), strict=True):
        week = next(one for one in page.metric if one.label == label)
        figure = float(week.value.replace(",", "").split()[0])
        mean = chart["data"][-1]["y"][0] * (100 if label == "Detected agents" else 7)
        assert mean == pytest.approx(figure, abs=0.51), "the dotted line is the week's own figure"
    assert {button.label for button in page.get("download_button")} >= {
        "Download checks as CSV",
        "Download days as CSV",
        "Download all as JSON",
    }


def test_an_alert_stands_above_everything_until_it_clears(own: Path, open_page: Open) -> None:
    look(own)
    Alerts(Settings(workspace=own)).follow(
        {"detection_rate": "The share of agents moved from 20 % to 40 %."}, frozenset(), NOW_MS
    )
    page = open_page(own, "monitoring")
    assert any(
        "Detection rate" in one.value and "from 20 % to 40 %" in one.value for one in page.error
    )
    Alerts(Settings(workspace=own)).follow({}, frozenset({"detection_rate"}), NOW_MS + 1)
    assert not any("Detection rate" in one.value for one in page.run().error)
    history = open_page(own, "monitoring", monitoring_tab="Alerts").dataframe[0].value
    assert "detection rate" in set(history["alert"])


def test_drift_stands_beside_its_limits(own: Path, open_page: Open) -> None:
    look(own)
    page = open_page(own, "monitoring", monitoring_tab="Feature drift")
    assert "last week vs the training sessions of the classifier in use" in texts(page)
    assert len(page.get("plotly_chart")) == 1


def test_retrainings_say_why(own: Path, open_page: Open) -> None:
    page = open_page(own, "monitoring", monitoring_tab="Models and retraining")
    assert "No retrainings yet" in texts(page)
    RetrainRequest(publish=False).run(Settings(workspace=own), now_ms=NOW_MS)
    table = page.run().dataframe[0].value
    assert table["outcome"].tolist() == ["kept"]
    assert "later rows by actors on whom neither" in table["why"].item()


def test_a_damaged_look_is_one_sentence(own: Path, open_page: Open) -> None:
    look(own)
    (own / "monitoring" / "latest.json").write_text("{")
    page = open_page(own, "monitoring")
    assert any("cannot be read" in one.value for one in page.error)
    assert not page.exception
