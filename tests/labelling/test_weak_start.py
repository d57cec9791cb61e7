"""A classifier without labels: trained end to end, honest about it, and never used by itself."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from phantom_core.core.errors import DataError
from phantom_core.core.settings import Settings
from phantom_core.evaluation.model_card import model_card
from phantom_core.evaluation.ranking import roc_auc
from phantom_core.evaluation.report import ClassifierReport, parse_report
from phantom_core.features.store import FeatureStore
from phantom_core.labelling.weak_start import has_few_labels
from phantom_core.lake.lake import open_lake
from phantom_core.model_store.store import ModelStore
from phantom_core.use_cases.data.demo import load_demo
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.models.score import score_sessions
from phantom_core.use_cases.models.train_classifier import train_classifier

NOW_MS = 1_790_000_000_000


def labelled(agents: int, humans: int, unknown: int) -> pa.Table:
    return pa.table({"is_agent": [True] * agents + [False] * humans + [None] * unknown})


@pytest.mark.parametrize(
    ("agents", "humans", "unknown", "few"),
    [(0, 0, 9, True), (19, 400, 0, True), (200, 200, 0, False), (200, 200, 999, True),
     (300, 300, 999, False)],
)  # fmt: skip
def test_weak_labels_are_wanted_where_labels_are_few(
    agents: int, humans: int, unknown: int, few: bool
) -> None:
    assert has_few_labels(labelled(agents, humans, unknown)) is few


@pytest.fixture(scope="module")
def hidden(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Settings, dict[str, bool], ClassifierReport]:
    """The demo set without its labels, what they were, and the report of a training."""
    settings = Settings(
        workspace=tmp_path_factory.mktemp("hidden"), demo_sessions=400, redis_url="",
        database_url="",
    )  # fmt: skip
    load_demo(settings, now_ms=NOW_MS)
    lake = open_lake(settings)
    matrix = FeatureStore(lake).matrix()
    truth = dict(zip(matrix["session_id"].to_pylist(), matrix["is_agent"].to_pylist(), strict=True))
    with lake.lock:
        lake.update("experiments", {"xp_human_only": "NULL"}, "true")
        lake.update("session_labels", {"is_agent": "NULL"}, "true")
    report = train_classifier(settings, lake, now_ms=NOW_MS, n_folds=3, labels="auto")
    return settings, truth, report


@pytest.mark.slow
def test_it_learns_without_one_label_and_beats_the_best_sign(
    hidden: tuple[Settings, dict[str, bool], ClassifierReport],
) -> None:
    settings, truth, report = hidden
    assert report.weak is not None
    assert report.weak.n_given == 0
    assert 0 < report.weak.n_covered < report.weak.n_sessions == 400
    scores = score_sessions(settings, open_lake(settings), version=report.model_version)
    is_agent = np.array([truth[name] for name in scores["session_id"].to_pylist()])
    assert roc_auc(is_agent, scores["agent_probability"].to_numpy()) > 0.75


@pytest.mark.slow
def test_it_stays_a_candidate_and_its_card_says_what_it_cannot_know(
    hidden: tuple[Settings, dict[str, bool], ClassifierReport],
) -> None:
    settings, _, report = hidden
    assert ModelStore(settings.workspace, "classifier").in_use() is None
    assert parse_report(report.to_file()) == report
    card = model_card(report)
    assert "## Learned without labels" in card
    assert "not how well it detects agents" in card
    assert "too few given labels to measure it" in card
    assert report.weak is not None
    beyond = report.weak.roc_auc_without_read
    assert beyond is not None
    assert beyond.low < beyond.value < report.ranking.roc_auc.value


def test_without_labels_and_votes_training_is_refused_with_a_way_on(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("sessionId,ts,eventName\ns1,2026-03-01T00:00:00Z,search\n")
    settings = Settings(workspace=tmp_path / "ws", redis_url="", database_url="")
    ingest_files(settings, [tmp_path / "e.csv"], now_ms=NOW_MS)
    lake = open_lake(settings)
    with pytest.raises(DataError, match="No weak rule votes 'agent'"):
        train_classifier(settings, lake, now_ms=NOW_MS, labels="weak")
    with pytest.raises(DataError, match="Learning needs sessions of humans and of agents"):
        train_classifier(settings, lake, now_ms=NOW_MS, labels="auto")
    assert pc.sum(pc.is_valid(FeatureStore(lake).matrix()["is_agent"])).as_py() == 0
