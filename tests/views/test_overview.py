"""The overview counts what is there and says what to do next."""

import pytest

from phantom_core.core.settings import Settings
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.views.overview.next_steps import next_steps
from phantom_core.views.overview.overview import Overview, overview_view
from phantom_core.views.workspace.loaded import read_loaded
from tests.views.reports import small_report
from tests.views.workspaces import (
    NOON_MS,
    NOW_MS,
    load_events,
    load_experiments,
    load_labels,
    snapshot_of,
)

pytestmark = pytest.mark.slow

DAY_S = 86_400.0


def read(settings: Settings) -> Overview:
    return overview_view(snapshot_of(settings), settings)


def test_an_empty_workspace_asks_for_data(settings: Settings) -> None:
    view = read(settings)
    assert view.loaded.sessions == 0
    assert [step.what for step in view.next_steps] == ["Load events"]


def test_sessions_without_labels_ask_for_labels(settings: Settings) -> None:
    load_events(settings, [("s1", "search", 0)])
    view = read(settings)
    assert view.agent_share is None
    assert [(step.what, step.page) for step in view.next_steps] == [("Load labels", "data")]


def test_labels_of_one_kind_ask_for_the_other(settings: Settings) -> None:
    load_events(settings, [("s1", "search", 0), ("s2", "search", 0)])
    load_labels(settings, {"s1": "agent", "s2": "agent"})
    assert [step.what for step in read(settings).next_steps] == ["Load labels of human sessions"]


def test_both_kinds_of_labels_ask_for_training(settings: Settings) -> None:
    load_events(settings, [("s1", "search", 0), ("s2", "search", 0)])
    load_labels(settings, {"s1": "agent", "s2": "human"})
    assert [(step.what, step.page) for step in read(settings).next_steps] == [
        ("Train the agent classifier", "classifier")
    ]


def test_many_quarantined_rows_come_first(settings: Settings) -> None:
    path = settings.workspace / "half.csv"
    path.parent.mkdir(parents=True)
    path.write_text(f"sessionId,ts,eventName\ns1,{NOON_MS},search\ns2,soon,search\n")
    ingest_files(settings, [path], now_ms=NOW_MS)
    view = read(settings)
    assert (view.loaded.rows_read, view.loaded.quarantined, view.loaded.quarantined_share) == (
        2,
        1,
        0.5,
    )
    assert (view.next_steps[0].page, view.next_steps[0].tab) == ("data", "Quarantine")


def test_shares_are_counted_by_experiment_and_label(settings: Settings) -> None:
    experiments = {"s1": "x1", "s2": "x1", "s3": "x2"}
    load_events(settings, [(f"s{i}", "search", i) for i in range(1, 5)], experiments=experiments)
    load_experiments(settings, {"x1": False, "x2": True})
    view = read(settings)
    assert view.agent_share is not None
    assert (view.agent_share.n, round(view.agent_share.value, 3)) == (3, 0.667)


def test_traffic_is_counted_in_familiar_bins(settings: Settings) -> None:
    load_events(
        settings, [("s1", "search", 0), ("s2", "search", 60), ("s3", "search", -30 * DAY_S)]
    )
    view = read(settings)
    assert view.bin_width == "day"
    assert view.traffic["sessions"].tolist() == [1, 2]


def test_a_classifier_that_depends_on_timing_is_warned_about(settings: Settings) -> None:
    load_events(settings, [(name, "search", 0) for name in ("s1", "s2", "s3", "s4", "s5")])
    load_labels(
        settings, {"s1": "human", "s2": "human", "s3": "human", "s4": "agent", "s5": "agent"}
    )
    snapshot = snapshot_of(settings)
    loaded = read_loaded(snapshot)
    (warning,) = next_steps(snapshot, loaded, small_report(roc_auc=0.999, without_timing=0.551))
    assert "falls from 0.999 to 0.551" in warning.why
    assert (warning.page, warning.tab) == ("classifier", "Robustness")
    assert next_steps(snapshot, loaded, small_report(roc_auc=0.9, without_timing=0.85)) == ()


def test_more_sessions_than_at_training_ask_for_training_again(settings: Settings) -> None:
    load_events(settings, [(f"s{i}", "search", 0) for i in range(7)])
    load_labels(
        settings, {"s1": "human", "s2": "human", "s3": "human", "s4": "agent", "s5": "agent"}
    )
    snapshot = snapshot_of(settings)
    (step,) = next_steps(snapshot, read_loaded(snapshot), small_report())
    assert step.what == "Train the classifier again"
    assert "+2 sessions" in step.why
