"""One session: its events, its features beside those of others, its actor's sessions."""

import pytest

from phantom_core.core.errors import NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import feature_names
from phantom_core.views.sessions.session import session_events, session_view
from tests.views.workspaces import load_events, load_labels, snapshot_of

pytestmark = pytest.mark.slow


def test_events_are_in_order_with_the_time_since_the_first(settings: Settings) -> None:
    load_events(
        settings,
        [("s1", "purchase_complete", 8.5), ("s1", "view_item_page", 0), ("s2", "search", 3)],
        price=4.0,
    )
    view = session_view(snapshot_of(settings), "s1")
    assert view.events["event_name"].tolist() == ["view_item_page", "purchase_complete"]
    assert view.events["elapsed_s"].tolist() == [0.0, 8.5]
    assert (view.n_events, view.purchased, view.total_revenue) == (2, True, 4.0)


def test_events_can_be_limited(settings: Settings) -> None:
    load_events(settings, [("s1", "search", second) for second in range(5)])
    assert len(session_events(snapshot_of(settings), "s1", limit=3)) == 3


def test_an_unknown_session_is_reported(settings: Settings) -> None:
    load_events(settings, [("s1", "search", 0)])
    with pytest.raises(NotFoundError, match="no session 'nobody'"):
        session_view(snapshot_of(settings), "nobody")


def test_other_sessions_are_those_of_the_same_experiment(settings: Settings) -> None:
    load_events(
        settings,
        [(f"s{i}", "search", i) for i in range(4)],
        experiments={"s0": "x", "s1": "x", "s2": "y"},
    )
    snapshot = snapshot_of(settings)
    assert session_view(snapshot, "s0").others["session_id"].tolist() == ["s1"]
    assert session_view(snapshot, "s3").n_others == 0


def test_features_stand_beside_medians_and_ranks(settings: Settings) -> None:
    lengths_s = {"s1": 10, "h1": 5, "h2": 10, "h3": 40, "a1": 2}
    load_events(
        settings,
        [(name, "search", second) for name, length in lengths_s.items() for second in (0, length)],
    )
    load_labels(settings, {"h1": "human", "h2": "human", "h3": "human", "a1": "agent"})
    features = session_view(snapshot_of(settings), "s1").features.set_index("name")
    duration = features.loc["session_duration_sec"]
    assert (duration["value"], duration["human_typical"], duration["agent_typical"]) == (10, 10, 2)
    assert duration["human_below"] == pytest.approx(0.5)  # one below, one the same
    assert duration["agent_below"] == 1.0
    assert features.loc["avg_price_seen", "value"] is None


def test_without_labels_nothing_is_typical(settings: Settings) -> None:
    load_events(settings, [("s1", "search", 0), ("s1", "search", 9)])
    features = session_view(snapshot_of(settings), "s1").features
    assert features["human_typical"].isna().all()
    assert features["human_below"].isna().all()
    assert len(features) == len(feature_names())
