"""Explain: what the model relies on, why a session was judged so, the model as a tree, two
trainings side by side.
"""

import shutil
from pathlib import Path

import pytest

from phantom_core.core.settings import Settings
from phantom_core.explain import trees
from phantom_core.explain.shap_package import load_shap
from phantom_core.features.store import FeatureStore
from phantom_core.jobs.jobs import Jobs
from phantom_core.lake.lake import Lake
from phantom_core.use_cases.explanations.job_distil import DistilRequest
from phantom_core.use_cases.explanations.job_explain import ExplainRequest
from phantom_core.use_cases.models.train_classifier import train_classifier
from phantom_core.views.explain.distilled import distilled_titles
from tests.approved import approve_model_now
from tests.pages.conftest import NOW_MS, Open, texts, wait_for_jobs

pytestmark = pytest.mark.slow

ONE, TREE, STABLE = (
    {"explain_tab": name} for name in ("One session", "Rules as a tree", "Stability")
)


def session_of(workspace: Path) -> str:
    return str(FeatureStore(Lake(workspace / "lake")).matrix()["session_id"][0].as_py())


@pytest.fixture
def explained(own: Path) -> Path:
    ExplainRequest(paired=5).run(Settings(workspace=own), now_ms=NOW_MS)
    return own


@pytest.fixture
def distilled(own: Path) -> Path:
    DistilRequest(depth=3, leaf_sessions=20).run(Settings(workspace=own), now_ms=NOW_MS)
    return own


def test_an_explanation_is_one_click_away_and_is_worked_out_elsewhere(
    own: Path, open_page: Open
) -> None:
    page = open_page(own, "explain")
    assert "Not explained yet" in texts(page)
    page.button(key="explain_model").click().run()
    assert Jobs(Settings(workspace=own)).latest("explain")
    wait_for_jobs(own)
    page.run()
    assert "features are the most important family" in texts(page)
    assert len(page.get("plotly_chart")) == 4
    assert not page.error


def test_interactions_are_shown_once_somebody_asked(explained: Path, open_page: Open) -> None:
    page = open_page(explained, "explain")
    assert "interact most" in texts(page)
    assert len(page.get("plotly_chart")) == 5


def test_a_count_and_a_feature_that_may_be_undefined_have_a_dependence_too(
    explained: Path, open_page: Open
) -> None:
    for feature in ("cart adds", "conversion rate"):
        page = open_page(explained, "explain", explain_feature=feature)
        assert f"{feature[0].upper()}{feature[1:]}: SHAP value" in texts(page)
        assert not page.exception


def test_shap_is_loaded_by_an_explanation_and_not_by_looking_at_one(
    explained: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(trees, "load_shap", lambda: loaded.append("shap") or load_shap())
    for screen, query in (("overview", {}), ("explain", {}), ("explain", STABLE)):
        assert not open_page(explained, screen, **query).exception
    assert not loaded
    open_page(explained, "explain", session=session_of(explained), **ONE)
    assert loaded


def test_without_a_classifier_the_page_says_where_to_get_one(
    unlabelled: Path, open_page: Open
) -> None:
    page = open_page(unlabelled, "explain")
    assert "A classifier is required" in texts(page)


def test_a_session_is_one_click_away(trained: Path, open_page: Open) -> None:
    page = open_page(trained, "explain", **ONE)
    next(button for button in page.button if button.label == "Closest call").click().run()
    assert page.text_input(key="session").value.startswith("s-")
    assert "Saved model: **P(agent)" in texts(page)
    assert "Strongest towards agent" in texts(page)


def test_steps_stand_beside_features_once_the_model_is_explained(
    explained: Path, open_page: Open
) -> None:
    page = open_page(explained, "explain", session=session_of(explained), **ONE)
    said = texts(page)
    assert "(log-likelihood ratio) over" in said
    assert "Humans:" in said
    assert "Agents:" in said
    assert not page.error


def test_a_session_that_is_not_there_is_one_sentence(trained: Path, open_page: Open) -> None:
    for tab in (ONE, {}):
        page = open_page(trained, "explain", session="nobody", **tab)
        assert not page.exception
    assert (
        "There is no session 'nobody'"
        in open_page(trained, "explain", session="nobody", **ONE).error[0].value
    )


def test_a_tree_is_distilled_from_the_page(own: Path, open_page: Open) -> None:
    page = open_page(own, "explain", **TREE)
    assert "No trees yet." in texts(page)
    page.slider(key="distil_depth").set_value(2)
    page.number_input(key="distil_leaf").set_value(20)
    page.multiselect(key="distil_without").set_value(["browser_family"])
    page.button(key="distil").click().run()
    assert Jobs(Settings(workspace=own)).latest("distil")[0].request_as(DistilRequest).without == (
        "browser_family",
    )
    wait_for_jobs(own)
    page.run()
    beside = {metric.label: metric.delta for metric in page.metric}
    assert beside["R² to the teacher"].endswith("with every feature")
    assert "ELSE markup" in page.code[0].value
    assert len(distilled_titles(Settings(workspace=own))) == 1
    assert not page.error


def test_a_sessions_way_through_the_tree_is_told(distilled: Path, open_page: Open) -> None:
    page = open_page(distilled, "explain", session=session_of(distilled), **TREE)
    assert "is quoted **×" in texts(page)
    assert not page.error


def test_the_browser_draws_where_graphviz_is_missing(
    distilled: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    page = open_page(distilled, "explain", **TREE)
    assert "Drawn by the browser" in texts(page)
    assert not page.exception


def test_one_model_alone_cannot_be_compared(explained: Path, open_page: Open) -> None:
    assert "Only one saved model" in texts(open_page(explained, "explain", **STABLE))


def test_two_trainings_are_compared_once_both_are_explained(
    explained: Path, open_page: Open
) -> None:
    settings = Settings(workspace=explained)
    lake = Lake(explained / "lake")
    later = train_classifier(settings, lake, now_ms=NOW_MS + 60_000, n_folds=3, seed=5)
    approve_model_now(settings, "classifier", later.model_version)
    ExplainRequest().run(settings, now_ms=NOW_MS)
    page = open_page(explained, "explain", **STABLE)
    assert "Rank correlation of feature importance" in texts(page)
    assert len(page.dataframe[0].value) == len(later.features)


def test_the_page_of_a_session_leads_to_its_explanation(trained: Path, open_page: Open) -> None:
    page = open_page(trained, "sessions", session=session_of(trained))
    assert any("Explain this score" in str(link.proto) for link in page.get("page_link"))
