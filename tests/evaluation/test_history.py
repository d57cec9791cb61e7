"""Sessions are truncated and delayed as events, and turned into features by the real SQL."""

from pathlib import Path

import numpy as np
import pytest

from phantom_core.evaluation.history import History
from phantom_core.lake.lake import Lake
from tests.evaluation.sessions import history_of

EVENTS = [
    (7, "purchase_complete", 9_000),
    (7, "search", 1_000),
    (7, "view_item_page", 4_000),
    (-3, "click", 50_000),
    (5, "search", 0),
    (5, "page_view", 60_000),
]


@pytest.fixture
def history(tmp_path: Path) -> History:
    return history_of(Lake(tmp_path), EVENTS, [-3, 7])


def test_only_the_wanted_sessions_are_read_in_order(history: History) -> None:
    assert history.sequences().to_pylist() == [
        ["click"],
        ["search", "view_item_page", "purchase_complete"],
    ]
    assert history.starts.tolist() == [0, 1, 4]


def test_features_come_in_the_order_of_the_sessions(history: History) -> None:
    features = history.features()
    assert features["session_key"].to_pylist() == [-3, 7]
    assert features["session_duration_sec"].to_pylist() == [0, 8]


def test_a_session_truncated_at_its_second_event_has_nothing_of_the_third(history: History) -> None:
    features = history.features_after(2)
    assert features["total_interactions"].to_pylist() == [1, 2]
    assert features["purchases"].to_pylist() == [0, 0]
    assert features["session_duration_sec"].to_pylist() == [0, 3]


def test_truncating_beyond_the_end_is_the_whole_session(history: History) -> None:
    assert history.features_after(99) == history.features()


def test_an_event_of_the_same_millisecond_after_the_limit_is_not_included(tmp_path: Path) -> None:
    together = [(1, "search", 0), (1, "click", 1_000), (1, "purchase_complete", 1_000)]
    features = history_of(Lake(tmp_path), together, [1]).features_after(2)
    assert (features["total_interactions"].to_pylist(), features["purchases"].to_pylist()) == (
        [2],
        [0],
    )


def test_delays_grow_each_gap_of_the_chosen_sessions_by_at_most_the_longest(tmp_path: Path) -> None:
    events = [(key, "click", 1_000 * i) for key in (1, 2) for i in range(500)]
    history = history_of(Lake(tmp_path), events, [1, 2])
    delayed = history.delayed(np.array([False, True]), 10, np.random.default_rng(0))
    assert (
        delayed.event_ms[:501].tolist() == history.event_ms[:501].tolist()
    )  # the other session, and the first event
    added_ms = (delayed.gap_ms - history.gap_ms)[501:]
    assert 0 <= added_ms.min() < 100
    assert 9_900 < added_ms.max() < 10_000
    assert added_ms.mean() == pytest.approx(5_000, abs=400)
    assert delayed.sequences() == history.sequences()


def test_on_another_clock_a_session_starts_when_it_did_and_waits_as_the_others_do(
    tmp_path: Path,
) -> None:
    human = [(1, "click", at) for at in (100, 2_100, 5_100)]
    agent = [(2, "search", 7), *[(2, "click", 7 + i) for i in range(1, 50)]]
    history = history_of(Lake(tmp_path), [*human, *agent], [1, 2])
    copied = history.on_the_clock_of(np.array([True, False]), np.random.default_rng(0))
    assert copied.event_ms[:4].tolist() == [100, 2_100, 5_100, 7]
    assert set(copied.gap_ms[4:].tolist()) == {2_000, 3_000}
    assert copied.sequences() == history.sequences()
