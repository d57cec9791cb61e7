"""Features: what a feature says, all of them, and drift."""

from pathlib import Path

import pytest

from phantom_core.features.catalogue import feature_names
from tests.pages.conftest import Open, texts

pytestmark = pytest.mark.slow


def test_a_feature_says_how_agents_differ(trained: Path, open_page: Open) -> None:
    page = open_page(trained, "features", feature="irregularity of clicks (SD of gaps, s)")
    assert "Irregularity of clicks (SD of gaps, s) is clearly lower for agents" in texts(page)
    assert [metric.label for metric in page.metric] == [
        "Univariate AUC",
        "KS",
        "Undefined, human",
        "Undefined, agent",
    ]


def test_the_catalogue_lists_all_features(trained: Path, open_page: Open) -> None:
    page = open_page(trained, "features", features_tab=f"All {len(feature_names())}")
    assert len(page.dataframe[0].value) == len(feature_names())


def test_drift_compares_the_halves_at_first(trained: Path, open_page: Open) -> None:
    page = open_page(trained, "features", features_tab="Drift")
    assert len(page.date_input) == 2
    assert "features drifted" in texts(page) or "No feature drifted" in texts(page)


def test_a_period_without_sessions_is_said_in_a_sentence(unlabelled: Path, open_page: Open) -> None:
    page = open_page(unlabelled, "features", features_tab="Drift")
    assert "first half is compared with its second" in texts(page)
    assert not page.exception


def test_without_labels_distributions_are_shown_all_the_same(
    unlabelled: Path, open_page: Open
) -> None:
    page = open_page(unlabelled, "features")
    assert "Humans and agents cannot be compared yet" in texts(page)
    assert len(page.get("plotly_chart")) == 1


def test_a_link_with_the_old_name_of_a_feature_opens_it(trained: Path, open_page: Open) -> None:
    page = open_page(trained, "features", feature="std time between events")
    assert page.selectbox(key="feature").value == "std_time_between_events"
    assert not page.error
