"""Agent classifier: figures beside baselines, thresholds by money, training from the page."""

from pathlib import Path

import pytest

from phantom_core.core.settings import Settings
from phantom_core.jobs.jobs import Jobs
from phantom_core.use_cases.models.job_train_classifier import TrainClassifierRequest
from tests.pages.conftest import Open, texts, wait_for_jobs

pytestmark = pytest.mark.slow


def test_every_headline_figure_stands_beside_something_trivial(
    trained: Path, open_page: Open
) -> None:
    page = open_page(trained, "classifier")
    beside = {metric.label: metric.delta for metric in page.metric}
    assert beside["ROC-AUC"].endswith("random 0.5")
    assert beside["PR-AUC"].startswith("base rate")
    assert "velocity rule" in beside["Precision at 80 % recall"]
    assert beside["Brier score"].startswith("base rate")
    assert len(page.get("plotly_chart")) == 5


def test_a_higher_threshold_marks_fewer(trained: Path, open_page: Open) -> None:
    def marked(threshold: float) -> int:
        page = open_page(
            trained, "classifier", classifier_tab="Threshold and money", threshold=str(threshold)
        )
        assert page.slider(key="threshold").value == threshold
        return int(
            next(
                metric.delta for metric in page.metric if metric.label == "Sessions marked up"
            ).replace(",", "")
        )

    assert marked(0.0) == 300
    assert marked(0.1) > marked(0.9)
    assert marked(1.0) == 0


def test_costs_move_the_cheapest_threshold(trained: Path, open_page: Open) -> None:
    def statement(cost: float) -> str:
        page = open_page(
            trained, "classifier", classifier_tab="Threshold and money", human_cost=str(cost)
        )
        return next(line for line in texts(page).splitlines() if "has the lowest cost" in line)

    assert "Threshold 0.000 has the lowest cost: 0.0000" in statement(0.0)
    assert statement(5.0) != statement(0.3)


def test_the_model_card_is_shown(trained: Path, open_page: Open) -> None:
    assert "# Agent classifier" in texts(
        open_page(trained, "classifier", classifier_tab="Model card")
    )


def test_without_labels_training_is_offered_and_its_limits_are_said(
    unlabelled: Path, open_page: Open
) -> None:
    page = open_page(unlabelled, "classifier")
    assert "There are few labels" in texts(page)
    assert "stays a candidate until a person uses it" in texts(page)
    button = next(button for button in page.button if button.label == "Train classifier")
    assert not button.disabled


def test_training_runs_in_another_process_and_its_model_appears(own: Path, open_page: Open) -> None:
    page = open_page(own, "classifier", classifier_tab="Train and versions")
    assert len(page.dataframe[0].value) == 1
    page.slider[0].set_value(3)
    page.multiselect[0].set_value(["user_agent"])
    next(button for button in page.button if button.label == "Train classifier").click().run()
    assert Jobs(Settings(workspace=own)).latest("train_classifier")[0].request_as(
        TrainClassifierRequest
    ).without == ("user_agent",)
    wait_for_jobs(own)
    page.run()
    assert len(page.dataframe[0].value) == 2
    assert not page.error


def test_a_model_that_cannot_be_read_can_be_trained_again(own: Path, open_page: Open) -> None:
    for report in (own / "models" / "classifier").glob("*/report.json"):
        report.write_text("{}")
    page = open_page(own, "classifier")
    assert "is not the file that was saved" in texts(page)
    page = open_page(own, "classifier", classifier_tab="Train and versions")
    assert any(button.label == "Train classifier" for button in page.button)
    assert not page.exception


@pytest.mark.parametrize("version", ["gone", "../../etc"])
def test_a_link_to_a_model_that_is_gone_opens_the_newest(
    trained: Path, open_page: Open, version: str
) -> None:
    page = open_page(trained, "classifier", model=version)
    assert not page.exception
    assert not page.error
