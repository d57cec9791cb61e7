"""The demo set is hard enough to be honest, and not so hard that nothing can be learned."""

from pathlib import Path

import pytest

from benchmarks import demo_difficulty as difficulty
from benchmarks.demo_difficulty import DemoSet
from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import feature_names

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoSet:
    usual = {name: field.default for name, field in Settings.model_fields.items()}
    folder: Path = tmp_path_factory.mktemp("demo")
    return difficulty.load(
        Settings(workspace=folder, seed=usual["seed"], demo_sessions=usual["demo_sessions"])
    )


def test_nearly_half_of_the_sessions_are_by_agents(demo: DemoSet) -> None:
    assert 0.45 <= demo.is_agent.mean() <= 0.50


def test_the_velocity_rule_is_wrong_four_times_in_ten(demo: DemoSet) -> None:
    precision, recall = difficulty.rule_of_five(demo)
    assert 0.55 <= precision <= 0.70
    assert recall >= 0.30


def test_user_agents_give_nothing_away_in_most_agent_sessions(demo: DemoSet) -> None:
    told, wrongly = difficulty.telling_user_agents(demo)
    assert 0.02 <= told <= 0.15
    assert wrongly == 0


def test_no_single_feature_tells_agents_from_humans(demo: DemoSet) -> None:
    aucs = difficulty.single_feature_aucs(demo)
    assert len(aucs) == len(feature_names())
    assert 0.70 <= max(aucs.values()) <= 0.90


def test_all_features_together_do_well_but_not_perfectly(demo: DemoSet) -> None:
    figures = difficulty.evaluate(demo, difficulty.out_of_fold(demo))
    assert 0.91 <= figures.roc_auc.value <= 0.97
    assert figures.precision_at_recall_80.value > 0.85


def test_without_timing_much_is_lost_but_not_all(demo: DemoSet) -> None:
    figures = difficulty.evaluate(demo, difficulty.out_of_fold(demo, without=["temporal"]))
    assert 0.75 <= figures.roc_auc.value <= 0.90


def test_held_out_imitators_are_harder_to_find_than_scrapers(
    demo: DemoSet,
) -> None:
    unseen = {}
    for name in ("imitator", "scraper"):
        rows = (demo.words("family") == name) | ~demo.is_agent
        unseen[name] = difficulty.evaluate(
            demo, difficulty.out_of_fold(demo, unseen=name), rows
        ).roc_auc.value
    assert 0.70 <= unseen["imitator"] <= 0.90 < unseen["scraper"]
