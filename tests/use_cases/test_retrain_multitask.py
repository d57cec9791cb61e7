"""Retraining the network: purchases decide, and agent detection must not get worse."""

from dataclasses import replace
from pathlib import Path

import pytest

from phantom_core.core.settings import PromotionGateSettings, RetrainingSettings, Settings
from phantom_core.evaluation.multitask_report import FILE, KIND, parse_report
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.model_store.store import ModelStore
from phantom_core.models.multitask.hyperparameters import Hyperparameters
from phantom_core.use_cases.data.demo import load_demo
from phantom_core.use_cases.models.retrain import retrain_models
from phantom_core.use_cases.models.retrain_multitask import NetworkRetraining
from phantom_core.use_cases.models.train_multitask import train_multitask

pytestmark = pytest.mark.slow

NOW_MS = 1_772_452_800_000
QUICK = Hyperparameters(width=0.5, most_epochs=3, batch_rows=512)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    chosen = Settings(
        workspace=tmp_path_factory.mktemp("networks"),
        demo_sessions=700,
        gates=PromotionGateSettings(agent_auc=0.0, purchase_auc=0.0, calibration_error=1.0),
        retraining=RetrainingSettings(days=42, held_out_days=14),
    )
    load_demo(chosen, now_ms=NOW_MS)
    return chosen


def test_a_network_is_held_against_the_one_before_on_later_offers(settings: Settings) -> None:
    lake, store = open_lake(settings), ModelStore(settings.workspace, KIND)
    window = NetworkRetraining(settings, lake).window(NOW_MS)
    period_ms = (window.start_ms, window.split_ms)
    champion = train_multitask(
        settings, lake, now_ms=NOW_MS, n_folds=3, chosen=QUICK, period_ms=period_ms
    )
    assert champion.data.sessions < settings.demo_sessions
    (result,) = retrain_models(settings, lake, now_ms=NOW_MS + 1_000, kinds=[KIND]).verdicts
    # The same days, seed and recipe, which is the champion's, give the same network: not
    # significantly better.
    assert result.outcome == "kept" and "not significantly better in purchase ROC-AUC" in result.why
    assert store.latest() == champion.model_version != result.challenger
    recipe = parse_report(store.open(result.challenger).read(FILE)).hyperparameters
    assert recipe == replace(QUICK, without=champion.hyperparameters.without)
    assert set(recipe.without) == set(settings.rules.banned_features)
    assert result.held_out["purchase"].rows > result.held_out["agent"].rows > 20
    assert [gate.name for gate in result.gates if gate.name.startswith("purchase")] == [
        "purchase_roc_auc",
        "purchase_calibration_error",
    ]


def test_without_a_network_in_use_only_the_classifier_is_retrained(tmp_path: Path) -> None:
    empty = Settings(workspace=tmp_path)
    assert [
        result.kind
        for result in retrain_models(empty, Lake(tmp_path / "lake"), now_ms=NOW_MS).verdicts
    ] == ["classifier"]
