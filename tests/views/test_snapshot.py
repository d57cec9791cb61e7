"""A snapshot is immutable; a stamp changes when another one is due."""

import pytest

from phantom_core.core.settings import Settings
from phantom_core.views.workspace.snapshot import open_snapshot, read_stamp
from tests.views.workspaces import load_events, load_labels, snapshot_of

pytestmark = pytest.mark.slow


def test_a_workspace_that_does_not_exist_has_no_sessions(settings: Settings) -> None:
    assert snapshot_of(settings).n_sessions == 0


def test_every_load_changes_the_stamp(settings: Settings) -> None:
    empty = read_stamp(settings)
    load_events(settings, [("s1", "search", 0)])
    with_events = read_stamp(settings)
    load_labels(settings, {"s1": "human"})
    assert len({empty, with_events, read_stamp(settings)}) == 3


def test_the_same_data_has_the_same_stamp(settings: Settings) -> None:
    load_events(settings, [("s1", "search", 0)])
    assert read_stamp(settings) == read_stamp(settings)


def test_a_snapshot_does_not_see_later_loads(settings: Settings) -> None:
    load_events(settings, [("s1", "search", 0)])
    before = snapshot_of(settings)
    load_events(settings, [("s2", "search", 0)])
    assert before.rows("SELECT session_id FROM sessions") == [("s1",)]
    assert before.row("SELECT COUNT(*) FROM events") == (1,)
    assert snapshot_of(settings).n_sessions == 2


def test_events_loaded_without_refreshing_features_are_seen(settings: Settings) -> None:
    load_events(settings, [("s1", "search", 0), ("s1", "search", 9)])
    assert snapshot_of(settings).rows(
        "SELECT session_duration_sec, label, agent_probability FROM sessions"
    ) == [(9.0, "unknown", None)]


def test_a_damaged_model_leaves_the_data_readable(settings: Settings) -> None:
    load_events(settings, [("s1", "search", 0)])
    folder = settings.workspace / "models" / "classifier"
    (folder / "m1").mkdir(parents=True)
    (folder / "m1" / "manifest.json").write_text("{}")
    (folder / "latest").write_text("m1\n")
    snapshot = open_snapshot(settings, read_stamp(settings))
    assert (snapshot.n_sessions, snapshot.threshold) == (1, None)
    assert "m1" in snapshot.scoring_problem
