"""Distilling a classifier: its figures, its saved tree and rules, and features left out."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from phantom_core.core.errors import CancelledError, DataError, InputError, NotFoundError
from phantom_core.core.limits import GuardRails
from phantom_core.core.progress import no_progress
from phantom_core.core.settings import Settings
from phantom_core.distil.grow import Recipe
from phantom_core.distil.sample import columns_of
from phantom_core.distil.teacher import NetworkTeacher
from phantom_core.distil.tree import markup_of, tree_features
from phantom_core.features.catalogue import feature_names
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake
from phantom_core.model_store.store import ModelStore
from phantom_core.models.optimal_price import PricingObjective
from phantom_core.rules.evaluate import evaluate_rules
from phantom_core.rules.text import parse_rules
from phantom_core.use_cases.explanations.distil import (
    KIND,
    RULES,
    distil_rules,
    read_distilled,
    teacher_named,
)
from phantom_core.use_cases.explanations.draw_tree import draw_tree

pytestmark = pytest.mark.slow

NOW_MS = 1_772_452_800_000
RECIPE = Recipe(depth=3, leaf_sessions=10)


@pytest.fixture(scope="module")
def own(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Lake]:
    workspace = shutil.copytree(trained, tmp_path_factory.mktemp("distilled") / "workspace")
    return Settings(workspace=workspace), Lake(workspace / "lake")


def test_saved_rules_price_every_session_as_the_tree_does(own: tuple[Settings, Lake]) -> None:
    settings, lake = own
    made = distil_rules(settings, lake, now_ms=NOW_MS, recipe=RECIPE)
    model = ModelStore(settings.workspace, KIND).open(made.version)
    assert read_distilled(model) == made
    rules = parse_rules(model.read(RULES).decode(), made.version)
    matrix = FeatureStore(lake).matrix()
    columns = columns_of(matrix, feature_names())
    np.testing.assert_array_equal(
        evaluate_rules(rules, columns, matrix.num_rows).markup_ratio,
        markup_of(made.tree, columns, matrix.num_rows),
    )


def test_a_price_does_not_depend_on_banned_features_unless_requested(
    own: tuple[Settings, Lake],
) -> None:
    settings, lake = own
    made = distil_rules(settings, lake, now_ms=NOW_MS + 3_000, recipe=RECIPE)
    assert made.without == settings.rules.banned_features
    assert not set(tree_features(made.tree)) & set(settings.rules.banned_features)
    assert made.unrestricted is not None
    free = distil_rules(settings, lake, now_ms=NOW_MS + 4_000, recipe=RECIPE, without=())
    assert free.unrestricted is None
    assert free.fidelity == made.unrestricted


def test_the_report_has_the_fields_of_the_command_line(own: tuple[Settings, Lake]) -> None:
    report = distil_rules(*own, now_ms=NOW_MS + 1_000, recipe=RECIPE).to_json()
    assert {"teacher", "depth", "leaves", "fidelity_r2", "band_agreement", "rules"} <= set(report)
    assert [point["depth"] for point in report["frontier"]] == [1, 2, 3, 4, 5, 6]  # type: ignore[index, union-attr]
    chosen = report["frontier"][2]  # type: ignore[index]
    assert chosen["fidelity_r2"] == report["fidelity_r2"]  # type: ignore[index, call-overload]


def test_a_demo_tree_keeps_the_order_of_its_teacher(own: tuple[Settings, Lake]) -> None:
    fidelity = distil_rules(*own, now_ms=NOW_MS + 2_000, recipe=RECIPE).fidelity
    assert fidelity.rank_correlation is not None
    assert fidelity.rank_correlation.value > 0.5


def test_unknown_features_and_no_features_at_all_are_rejected(
    own: tuple[Settings, Lake],
) -> None:
    with pytest.raises(InputError, match="There is no feature 'mood'"):
        distil_rules(*own, now_ms=NOW_MS, without=("mood",))
    with pytest.raises(InputError, match="Every feature"):
        distil_rules(*own, now_ms=NOW_MS, without=feature_names())
    with pytest.raises(InputError, match="There is no teacher 'oracle'"):
        distil_rules(*own, now_ms=NOW_MS, teacher="oracle")


def test_a_distillation_that_is_stopped_saves_nothing(own: tuple[Settings, Lake]) -> None:
    settings, lake = own
    before = ModelStore(settings.workspace, KIND).versions()

    def stop(fraction: float, message: str, values: object = None) -> None:
        if fraction > 0.5:
            raise CancelledError("Enough.")

    with pytest.raises(CancelledError):
        distil_rules(settings, lake, now_ms=NOW_MS + 9_000, recipe=RECIPE, progress=stop)
    assert ModelStore(settings.workspace, KIND).versions() == before


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_tree_is_drawn_once_and_once_for_each_highlighted_session(
    own: tuple[Settings, Lake],
) -> None:
    settings, lake = own
    made = distil_rules(settings, lake, now_ms=NOW_MS + 5_000, recipe=RECIPE)
    path = draw_tree(settings, lake, version=made.version)
    drawn_ns = path.stat().st_mtime_ns
    assert path.read_text().startswith("<svg")
    assert draw_tree(settings, lake, version=made.version).stat().st_mtime_ns == drawn_ns
    session_id = FeatureStore(lake).matrix()["session_id"][0].as_py()
    assert draw_tree(settings, lake, version=made.version, session_id=session_id) != path
    with pytest.raises(NotFoundError, match="There is no session 'nobody'"):
        draw_tree(settings, lake, version=made.version, session_id="nobody")


def test_sessions_are_not_drawn_in_a_tree_that_is_too_large(own: tuple[Settings, Lake]) -> None:
    made = distil_rules(*own, now_ms=NOW_MS + 6_000, recipe=Recipe("figs", 2, 10))
    with pytest.raises(DataError, match="leaves; sessions are drawn in trees of up to 64"):
        draw_tree(*own, version=made.version)


def test_without_a_classifier_there_is_no_teacher(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="No classifier has been trained"):
        distil_rules(Settings(workspace=tmp_path), Lake(tmp_path / "lake"), now_ms=NOW_MS)


def test_a_network_teaches_with_both_of_its_outputs() -> None:
    sessions = pa.table({"session_id": ["a", "b", "c", "d"]})
    scores = pa.table(
        {
            "session_id": ["a", "b", "c"],
            "agent_probability": [1.0, 0.0, 0.5],
            "purchase_probability": pa.array([0.0, 1.0, None], pa.float64()),
        }
    )
    ratio = NetworkTeacher(scores, GuardRails(0.7, 1.5)).markup_ratio(sessions)
    assert np.allclose(ratio, [1.5, 0.7, 1.25, np.nan], equal_nan=True)


def test_without_a_network_the_network_cannot_teach(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="No multitask has been trained"):
        teacher_named(
            Settings(workspace=tmp_path),
            Lake(tmp_path / "lake"),
            "network",
            PricingObjective(GuardRails(0.7, 1.5)),
            no_progress,
        )
