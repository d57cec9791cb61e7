"""Margin leakage: measured with a click, cut any way, down to single purchases."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from phantom_core.accounts.account_actors import Account
from phantom_core.accounts.actors import acting_as
from phantom_core.accounts.sign_in import sign_in_demo
from phantom_core.core.settings import Settings
from phantom_core.leakage.leakage import DIMENSIONS
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.rules.job_measure_leakage import MeasureLeakageRequest
from tests.pages.conftest import NOW_MS, Open, enter, texts, wait_for_jobs
from ui.frame.handles import now_ms

pytestmark = pytest.mark.slow


def measure(workspace: Path) -> None:
    MeasureLeakageRequest(rules="bands").run(Settings(workspace=workspace), now_ms=NOW_MS)


def test_the_leakage_is_one_click_away_and_names_its_reference_price(
    own: Path, open_page: Open
) -> None:
    page = open_page(own, "leakage")
    assert "Leakage has not been measured yet" in texts(page)
    page.button(key="measure_leakage").click().run()
    wait_for_jobs(own)
    page.run()
    assert not page.error
    leakage = next(metric for metric in page.metric if metric.label == "Leakage")
    assert "×1.20 of the base price" in leakage.help
    assert {"Share of revenue", "Humans marked up", "Average premium paid by humans"} <= {
        metric.label for metric in page.metric
    }
    assert len(page.get("plotly_chart")) == 3


@pytest.mark.parametrize("by", [one for one in DIMENSIONS if one != "day"])
def test_it_is_cut_any_way(own: Path, open_page: Open, by: str) -> None:
    measure(own)
    page = open_page(own, "leakage", by=by, reference="clean quote")
    assert not page.exception and not page.error
    assert f"Breakdown by {by}" in texts(page)
    part = str(page.dataframe[0].value["key"].iloc[0])
    page.selectbox(key=f"leakage_part_{by.replace(' ', '_')}").set_value(part).run()
    assert not page.exception
    assert len(page.dataframe[1].value) > 0


def test_a_reference_price_that_there_is_not_says_why(own: Path, open_page: Open) -> None:
    measure(own)
    (path,) = own.glob("leakage/*/ledger.json")
    found = json.loads(path.read_text())
    found["accounts"][2]["problem"] = "Prices never varied."
    path.write_text(json.dumps(found))
    said = texts(open_page(own, "leakage", reference="optimal"))
    assert "No optimal reference price" in said
    assert "Prices never varied. Choose another one above." in said


def test_a_damaged_ledger_is_one_sentence(own: Path, open_page: Open) -> None:
    measure(own)
    next(own.glob("leakage/*/ledger.json")).write_text("{")
    page = open_page(own, "leakage")
    assert "cannot be read" in page.error[0].value
    assert not page.exception


def test_without_purchases_the_work_says_so_in_one_sentence(
    unlabelled: Path, open_page: Open, tmp_path: Path
) -> None:
    workspace = shutil.copytree(unlabelled, tmp_path / "own")
    page = open_page(workspace, "leakage")
    page.button(key="measure_leakage").click().run()
    wait_for_jobs(workspace)
    page.run()
    assert "Nothing was bought in this period, so nothing leaked." in page.error[0].value


def test_what_a_visitor_measures_changes_nothing_for_an_analyst(own: Path, open_page: Open) -> None:
    settings = Settings(workspace=own)
    sign_in_demo(control_database(settings), "demo-analyst", now_ms=now_ms(), hours=1)
    with acting_as(Account("demo-analyst"), settings):
        MeasureLeakageRequest().run(settings, now_ms=NOW_MS)
    whole = leakage_of(enter(open_page(own, "leakage"), "demo-analyst"))
    (day,) = {part["key"] for part in latest(own)["accounts"][0]["parts"]["day"][:1]}
    MeasureLeakageRequest(first_day=day, last_day=day).run(settings, now_ms=NOW_MS + 1)
    page = enter(open_page(own, "leakage"), "demo-analyst")
    assert leakage_of(page) == whole
    assert "Asked for by you, all days." in texts(page)
    both = page.selectbox(key="ledger_beside").select_index(1).run().dataframe[0].value
    assert both["leakage"].iloc[0] > both["leakage"].iloc[1]
    other = page.selectbox(key="ledger").select_index(1).run()
    assert leakage_of(other) != whole
    assert "Asked for without an account, " in texts(other)


def leakage_of(page: AppTest) -> str:
    return str(next(metric.value for metric in page.metric if metric.label == "Leakage"))


def latest(workspace: Path) -> Any:
    return json.loads(max(workspace.glob("leakage/*/ledger.json")).read_text())
