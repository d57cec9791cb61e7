"""Explaining a saved classifier: exact, cached, and invalidated by new data."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from phantom_core.core.errors import CancelledError, InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake
from phantom_core.model_store.store import ModelStore
from phantom_core.models.classifier import classifier_margin
from phantom_core.models.encoding import encode_features
from phantom_core.models.saved_classifier import read_classifier
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.explanations.explain_model import explain_model, read_explanation
from phantom_core.use_cases.explanations.explain_session import explain_session

pytestmark = pytest.mark.slow

NOW_MS = 1_772_452_800_000


@pytest.fixture(scope="module")
def own(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Lake]:
    workspace = shutil.copytree(trained, tmp_path_factory.mktemp("explained") / "workspace")
    return Settings(workspace=workspace), Lake(workspace / "lake")


def test_contributions_of_every_session_add_up_to_the_saved_models_margin(
    own: tuple[Settings, Lake],
) -> None:
    settings, lake = own
    explanation = explain_model(settings, lake)
    points = read_explanation(settings).points
    classifier = read_classifier(ModelStore(settings.workspace, "classifier").open())
    matrix = FeatureStore(lake).matrix()
    assert points["session_id"].to_pylist() == matrix["session_id"].to_pylist()
    total = explanation.base + sum(
        points[name].to_numpy().astype(np.float64) for name in classifier.names
    )
    np.testing.assert_allclose(
        total,
        classifier_margin(classifier.booster, encode_features(matrix, classifier.names)),
        atol=1e-4,
    )


def test_the_same_model_and_data_are_explained_once(own: tuple[Settings, Lake]) -> None:
    settings, lake = own
    first = explain_model(settings, lake)
    (points,) = Path(settings.workspace).rglob("contributions.parquet")
    written_ns = points.stat().st_mtime_ns
    assert explain_model(settings, lake) == first
    assert points.stat().st_mtime_ns == written_ns


def test_a_changed_label_has_the_model_explained_again(
    own: tuple[Settings, Lake], tmp_path: Path
) -> None:
    workspace = shutil.copytree(own[0].workspace, tmp_path / "own")
    settings, lake = Settings(workspace=workspace), Lake(workspace / "lake")
    first = explain_model(settings, lake)
    human = next(
        row["session_id"]
        for row in FeatureStore(lake).matrix().to_pylist()
        if row["is_agent"] is False
    )
    (tmp_path / "labels.csv").write_text(f"session,label\n{human},agent\n")
    ingest_files(settings, [], now_ms=NOW_MS + 9, labels=str(tmp_path / "labels.csv"))
    again = explain_model(settings, lake)
    assert (again.lake_version, again.features != first.features) == (first.lake_version, True)
    assert again.kernels != first.kernels


def test_a_stated_number_of_sessions_is_drawn_the_same_way_each_time(
    own: tuple[Settings, Lake],
) -> None:
    settings, lake = own
    few = explain_model(settings, lake, n_sessions=50, n_paired=3)
    assert (few.sessions, few.explained, few.interaction_sessions) == (300, 50, 3)
    assert few.interactions[0].mean_abs >= few.interactions[-1].mean_abs
    drawn = read_explanation(settings).points["session_id"].to_pylist()
    explain_model(settings, lake, n_sessions=60)
    explain_model(settings, lake, n_sessions=50)
    assert read_explanation(settings).points["session_id"].to_pylist() == drawn
    explain_model(settings, lake)


def test_intervals_come_from_models_of_other_actors(own: tuple[Settings, Lake]) -> None:
    found = explain_model(*own)
    assert found.folds == 3
    assert all(
        row.low is not None and row.high is not None and row.low <= row.mean_abs <= row.high
        for row in found.features
    )
    assert {row.name for row in found.families} == {"temporal", "behavioural", "product"}


def test_one_session_is_explained_with_the_evidence_of_its_steps(
    own: tuple[Settings, Lake],
) -> None:
    settings, lake = own
    session_id = FeatureStore(lake).matrix()["session_id"][0].as_py()
    found = explain_session(settings, lake, session_id)
    assert found.base + sum(row.log_odds for row in found.contributions) == pytest.approx(
        found.log_odds, abs=1e-4
    )
    assert found.steps is not None
    assert (found.steps.source[0], found.steps.target[-1]) == ("start", "end")
    assert found.to_json()["step_evidence"] == pytest.approx(found.steps.evidence.sum())


def test_an_unknown_session_is_reported_in_a_sentence(own: tuple[Settings, Lake]) -> None:
    with pytest.raises(NotFoundError, match="There is no session 'nobody'"):
        explain_session(*own, "nobody")


def test_stopping_leaves_nothing_half_done(own: tuple[Settings, Lake]) -> None:
    settings, lake = own
    before = explain_model(settings, lake)

    def stop(fraction: float, message: str, values: object = None) -> None:
        if fraction > 0.3:
            raise CancelledError("Enough.")

    with pytest.raises(CancelledError):
        explain_model(settings, lake, n_sessions=40, progress=stop)
    assert read_explanation(settings).explanation == before


def test_a_damaged_explanation_is_computed_again(own: tuple[Settings, Lake]) -> None:
    settings, lake = own
    before = explain_model(settings, lake)
    next(Path(settings.workspace).rglob("explanation.json")).write_text("{")
    assert explain_model(settings, lake) == before


@pytest.mark.parametrize(("n_sessions", "n_paired"), [(0, 0), (10, -1), (10, 100_000)])
def test_numbers_that_cannot_be_explained_are_rejected(
    own: tuple[Settings, Lake], n_sessions: int, n_paired: int
) -> None:
    with pytest.raises(InputError):
        explain_model(*own, n_sessions=n_sessions, n_paired=n_paired)


def test_without_a_model_there_is_nothing_to_explain(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="No classifier has been trained"):
        explain_model(Settings(workspace=tmp_path), Lake(tmp_path / "lake"))
