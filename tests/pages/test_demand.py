"""Demand and price: train, judge, look at curves, tune."""

import shutil
from pathlib import Path

import pytest

from phantom_core.core.settings import Settings
from phantom_core.jobs.jobs import Jobs
from phantom_core.use_cases.models.job_train_multitask import TrainMultitaskRequest
from tests.pages.conftest import Open, texts

pytestmark = pytest.mark.slow


def test_without_a_network_a_training_is_offered_and_started(own: Path, open_page: Open) -> None:
    page = open_page(own, "demand")
    assert "No network has been trained in this workspace yet." in texts(page)
    next(button for button in page.button if button.label == "Train network").click().run()
    jobs = Jobs(Settings(workspace=own))
    started = jobs.latest("train_multitask")[0]
    assert started.request_as(TrainMultitaskRequest).folds == 5
    jobs.cancel(started.job_id)
    assert not page.exception


def test_the_verdict_names_rivals_and_both_elasticities(networked: Path, open_page: Open) -> None:
    page = open_page(networked, "demand")
    assert "Multi-task vs single-task" in texts(page)
    assert "Price elasticity" in texts(page)
    labels = [metric.label for metric in page.metric]
    assert labels == [
        "Agents, ROC-AUC",
        "Purchases, ROC-AUC",
        "Purchases, calibration error",
        "Elasticity, humans",
        "Elasticity, agents",
    ]
    assert page.metric[0].delta.endswith("random 0.5")
    assert len(page.get("plotly_chart")) == 7


def test_a_turned_feature_moves_the_curve(networked: Path, open_page: Open) -> None:
    page = open_page(networked, "demand", demand_tab="Demand curve")
    before = {metric.label: metric.value for metric in page.metric}
    assert set(before) == {
        "Best price",
        "P(purchase) at the best price",
        "P(agent)",
        "Gain over the base price",
    }
    velocity = next(
        slider for slider in page.slider if slider.label.startswith("interaction velocity")
    )
    velocity.set_value(velocity.max).run()
    after = {metric.label: metric.value for metric in page.metric}
    assert after["P(agent)"] != before["P(agent)"]
    assert any("with interaction velocity" in line for line in texts(page).splitlines())


def test_undefined_is_a_choice_of_its_own(networked: Path, open_page: Open) -> None:
    page = open_page(networked, "demand", demand_tab="Demand curve")
    for _ in range(2):  # to the other side, and back to what was known
        box = next(
            box
            for box in page.checkbox
            if str(box.key).startswith("undefined_std_time_between_events")
        )
        turned = next(
            slider for slider in page.slider if slider.label.startswith("irregularity of clicks")
        )
        assert turned.disabled == box.value
        box.set_value(not box.value).run()
        line = [line for line in texts(page).splitlines() if "with irregularity of clicks" in line]
        if line:
            assert "undefined → 0" in line[0] if not box.value else "→ undefined" in line[0]
            seen = line
    assert seen and not line
    assert not page.exception


def test_guard_rails_hold_the_price(networked: Path, open_page: Open) -> None:
    page = open_page(networked, "demand", demand_tab="Demand curve")
    page.slider(key="curve_rails").set_value((0.95, 1.05)).run()
    best = next(metric for metric in page.metric if metric.label == "Best price")
    assert 0.95 <= float(best.delta.split()[0].removeprefix("×")) <= 1.05


def test_the_card_and_the_versions_are_shown(networked: Path, open_page: Open) -> None:
    assert "# Multi-task network" in texts(open_page(networked, "demand", demand_tab="Model card"))
    page = open_page(networked, "demand", demand_tab="Train and versions")
    assert len(page.dataframe[0].value) == 1
    assert "No trials yet." in texts(open_page(networked, "demand", demand_tab="Tune"))


def test_a_damaged_network_is_one_sentence(
    networked: Path, open_page: Open, tmp_path: Path
) -> None:
    broken = shutil.copytree(networked, tmp_path / "broken")
    for path in (broken / "models" / "multitask").glob("*/model.onnx"):
        path.write_bytes(b"no model")
    page = open_page(broken, "demand", demand_tab="Demand curve")
    assert "is not the file that was saved" in page.error[0].value
    assert not page.exception
