"""Retraining the network: purchases decide, and agents must not be told worse."""

from pathlib import Path

import pytest

from phantom_core.artifacts.store import ModelStore
from phantom_core.evaluation.multitask_report import FILE, KIND, parse_report
from phantom_core.lake.lake import Lake
from phantom_core.settings import Settings
from phantom_core.workflows.demo import load_demo
from phantom_core.workflows.retrain import retrain

NOW_MS = 1_772_452_800_000


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    chosen = Settings(
        workspace=tmp_path_factory.mktemp("networks"),
        demo_sessions=1_000,
        gate_agent_auc=0.0,
        gate_purchase_auc=0.0,
        gate_calibration_error=1.0,
        retrain_days=42,
        retrain_held_out_days=14,
    )
    load_demo(chosen, now_ms=NOW_MS)
    return chosen


def test_a_network_is_held_against_the_one_before_on_later_offers(settings: Settings) -> None:
    lake, store = Lake(settings.workspace / "lake"), ModelStore(settings.workspace, KIND)
    (first,) = retrain(settings, lake, now_ms=NOW_MS, kinds=[KIND]).verdicts
    assert (first.outcome, first.champion) == ("promoted", "")
    assert set(first.held_out) == {"purchase", "agent"}
    assert first.held_out["purchase"].rows > first.held_out["agent"].rows > 20
    assert [gate.name for gate in first.gates if gate.name.startswith("purchase")] == ["purchase_roc_auc", "purchase_calibration_error"]
    assert first.window is not None
    learned = parse_report(store.open(first.challenger).read(FILE)).data
    assert learned.sessions < 1_000
    (second,) = retrain(settings, lake, now_ms=NOW_MS + 1_000, kinds=[KIND]).verdicts
    # The same days, seed and recipe give the same network: not surely better.
    assert second.outcome == "kept" and "not surely better in purchase ROC-AUC" in second.why
    assert store.latest() == first.challenger
    assert second.held_out["agent"] == first.held_out["agent"]


def test_without_a_network_in_use_only_the_classifier_is_retrained(tmp_path: Path) -> None:
    empty = Settings(workspace=tmp_path)
    assert [verdict.kind for verdict in retrain(empty, Lake(tmp_path / "lake"), now_ms=NOW_MS).verdicts] == ["classifier"]
