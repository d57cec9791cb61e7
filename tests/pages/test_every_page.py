"""Every page works on a trained workspace, without labels, and on an empty one."""

from pathlib import Path

import pytest

from phantom_core.features.catalogue import feature_names
from tests.pages.conftest import SCREENS, Open, texts

pytestmark = pytest.mark.slow

TITLES = {
    "overview": "Overview",
    "data": "Data",
    "sessions": "Sessions",
    "features": "Features",
    "labels": "Label desk",
    "classifier": "Agent classifier",
    "demand": "Demand and price",
    "explain": "Explain",
    "frontier": "Frontier",
    "rules": "Rules",
    "leakage": "Margin leakage",
    "simulator": "Simulator",
    "approvals": "Approvals",
    "live": "Live",
    "audit": "Audit",
    "jobs": "Jobs",
    "people": "People",
    "privacy": "Privacy",
    "monitoring": "Monitoring",
    "experiments": "Experiments",
}


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("workspace", ["trained", "unlabelled", "empty"])
def test_a_page_opens_without_error(
    workspace: str, screen: str, open_page: Open, request: pytest.FixtureRequest
) -> None:
    page = open_page(request.getfixturevalue(workspace), screen)
    assert not page.exception
    assert not page.error
    assert [title.value for title in page.title] == [TITLES[screen]]


@pytest.mark.parametrize(
    "screen",
    [
        "overview",
        "sessions",
        "features",
        "classifier",
        "demand",
        "explain",
        "leakage",
        "monitoring",
    ],
)
def test_an_empty_workspace_says_where_data_comes_from(
    screen: str, empty: Path, open_page: Open
) -> None:
    page = open_page(empty, screen)
    assert "No sessions yet" in texts(page)
    assert any(button.label == "Load demo data" for button in page.button)


@pytest.mark.parametrize(
    ("screen", "query"),
    [
        ("data", {"data_tab": "Map columns"}),
        ("data", {"data_tab": "Quarantine"}),
        ("data", {"data_tab": "Loads"}),
        ("features", {"features_tab": f"All {len(feature_names())}"}),
        ("features", {"features_tab": "Drift"}),
        ("features", {"feature": "browser family"}),
        ("features", {"feature": "is headless browser", "log": "true"}),
        ("features", {"feature": "conversion rate", "log": "true"}),
        ("classifier", {"classifier_tab": "Threshold and money"}),
        ("classifier", {"classifier_tab": "Robustness"}),
        ("classifier", {"classifier_tab": "Model card"}),
        ("classifier", {"classifier_tab": "Train and versions"}),
        ("explain", {"explain_tab": "One session"}),
        ("explain", {"explain_tab": "Rules as a tree"}),
        ("explain", {"explain_tab": "Stability"}),
        ("rules", {"rules_form": "Table"}),
        ("rules", {"rules_tab": "Check", "rules": "none"}),
        ("rules", {"rules_tab": "Replay", "against": "bands"}),
        ("rules", {"rules_tab": "Compare"}),
        ("leakage", {"by": "rule", "reference": "optimal"}),
        ("simulator", {"scenario": "Two rooms that substitute", "second": "Slack stock"}),
        ("simulator", {"simulator_tab": "Train a policy"}),
        ("simulator", {"simulator_tab": "Calibrate from your data"}),
        ("simulator", {"simulator_tab": "Rule replay on simulated sessions"}),
        ("experiments", {"experiments_tab": "Plan"}),
        ("experiments", {"experiments_tab": "All experiments"}),
    ],
)
@pytest.mark.parametrize("workspace", ["trained", "unlabelled"])
def test_a_shared_link_opens_what_it_names(
    workspace: str,
    screen: str,
    query: dict[str, str],
    open_page: Open,
    request: pytest.FixtureRequest,
) -> None:
    page = open_page(request.getfixturevalue(workspace), screen, **query)
    assert not page.exception
    assert not page.error


@pytest.mark.parametrize(
    "query", [{"feature": "mood"}, {"features_tab": "Nonsense"}, {"before": "yesterday"}]
)
def test_a_link_with_nonsense_opens_the_page_all_the_same(
    trained: Path, open_page: Open, query: dict[str, str]
) -> None:
    page = open_page(trained, "features", **query)
    assert not page.exception
    assert not page.error
