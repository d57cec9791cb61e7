"""Figures, distributions and drift of features."""

import pytest

from phantom_core.core.errors import DataError, InputError
from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import FEATURES
from phantom_core.views.features.distribution import feature_distribution
from phantom_core.views.features.features import (
    ComparedPeriod,
    feature_drift,
    feature_figures,
    feature_view,
)
from tests.views.workspaces import NOON_MS, load_events, load_labels, snapshot_of

pytestmark = pytest.mark.slow

BY_LABEL = {"human": "label = 'human'", "agent": "label = 'agent'"}


@pytest.fixture
def labelled(settings: Settings) -> Settings:
    """Two humans with 1 and 3 events, two agents with 4 and 4."""
    counts = {"h1": 1, "h2": 3, "a1": 4, "a2": 4}
    load_events(
        settings, [(name, "search", 10 * i) for name, n in counts.items() for i in range(n)]
    )
    load_labels(settings, {"h1": "human", "h2": "human", "a1": "agent", "a2": "agent"})
    return settings


def test_every_feature_has_its_figures(labelled: Settings) -> None:
    figures = {item.feature.name: item for item in feature_figures(snapshot_of(labelled))}
    assert list(figures) == [item.name for item in FEATURES]
    assert figures["total_interactions"].separation.auc == 1.0
    assert figures["avg_time_between_events"].null_shares == {"human": 0.5, "agent": 0.0}
    assert figures["browser_family"].separation.ks is None


def test_without_labels_figures_are_missing_not_wrong(settings: Settings) -> None:
    load_events(settings, [("s1", "search", 0)])
    assert [item.separation.auc for item in feature_figures(snapshot_of(settings))] == [None] * len(
        FEATURES
    )


def test_counts_have_bars_around_whole_numbers(labelled: Settings) -> None:
    view = feature_distribution(snapshot_of(labelled), feature_view("total_interactions"), BY_LABEL)
    human = view.bars[view.bars["group"] == "human"]
    assert human["low"].tolist()[:3] == [0.5, 1.5, 2.5]
    assert human["share"].tolist() == [0.5, 0.0, 0.5, 0.0]
    assert view.n_sessions == {"human": 2, "agent": 2}


def test_bars_and_what_is_not_shown_add_up(settings: Settings) -> None:
    load_events(settings, [(f"s{i}", "search", second) for i in range(400) for second in (0, i)])
    for is_log in (False, True):
        view = feature_distribution(
            snapshot_of(settings),
            feature_view("session_duration_sec"),
            {"all": "TRUE"},
            is_log=is_log,
        )
        assert view.bars["sessions"].sum() + view.n_above + view.n_not_positive == 400
        assert view.n_not_positive == (1 if is_log else 0)
        assert view.n_above > 0


def test_flags_and_categories_have_a_bar_per_value(settings: Settings) -> None:
    load_events(settings, [("s1", "search", 0)])
    view = feature_distribution(
        snapshot_of(settings), feature_view("is_headless_browser"), {"all": "TRUE"}
    )
    assert (view.is_category, len(view.bars), view.n_sessions) == (True, 0, {"all": 0})


def test_a_feature_that_is_nowhere_defined_has_empty_bars(settings: Settings) -> None:
    load_events(settings, [("s1", "search", 0)])
    view = feature_distribution(
        snapshot_of(settings), feature_view("avg_price_seen"), {"all": "TRUE"}, is_log=True
    )
    assert view.bars["sessions"].sum() == 0


def test_an_unknown_feature_is_reported() -> None:
    with pytest.raises(InputError, match="no feature 'mood'"):
        feature_view("mood")


def test_a_feature_that_changed_drifts_furthest(settings: Settings) -> None:
    early = [(f"e{i}", "search", i + second) for i in range(60) for second in (0, 5)]
    late = [(f"l{i}", "search", 3_600 + i + second) for i in range(60) for second in (0, 500)]
    load_events(settings, [*early, *late])
    middle_ms = NOON_MS + 1_800_000
    rows = feature_drift(
        snapshot_of(settings),
        ComparedPeriod(0, middle_ms),
        ComparedPeriod(middle_ms, 2 * middle_ms),
    )
    moved = {row.name for row in rows if row.reading == "large shift"}
    assert "session_duration_sec" in moved
    assert "total_interactions" not in moved


def test_a_period_without_sessions_is_reported(settings: Settings) -> None:
    load_events(settings, [("s1", "search", 0)])
    with pytest.raises(DataError, match="earlier period has no session"):
        feature_drift(snapshot_of(settings), ComparedPeriod(0, 1), ComparedPeriod(0, 2 * NOON_MS))
