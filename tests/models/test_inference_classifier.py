"""The inference classifier needs no training library and gives the trained one's scores."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from phantom_core.core.errors import DataError
from phantom_core.model_store.manifest import FORMAT, Manifest
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.models.classifier import Classifier, LabelledRows, fit_classifier
from phantom_core.models.curves import Beta, Isotonic, Platt
from phantom_core.models.encoding import encode_features, encode_session
from phantom_core.models.inference_classifier import open_classifier
from phantom_core.models.saved_classifier import classifier_files

NAMES = ("item_views", "browser_family")
ROWS: list[dict[str, float | str | None]] = [
    {"item_views": views, "browser_family": browser}
    for views in (None, 0, 2, 9, 1e39, float("inf"))
    for browser in ("Chrome", "Edge", "Other", "Lynx", None)
]


def table() -> pa.Table:
    return pa.table(
        {
            "item_views": pa.array([row["item_views"] for row in ROWS], pa.float64()),
            "browser_family": pa.array([row["browser_family"] for row in ROWS], pa.string()),
        }
    )


@pytest.fixture(
    scope="module",
    params=[Beta(1.0, 0.5, 0.1), Platt(0.8, -0.2), Isotonic((-2.0, 0.0, 3.0), (0.05, 0.4, 0.9))],
)
def classifier(request: pytest.FixtureRequest) -> Classifier:
    rng = np.random.default_rng(0)
    is_agent = np.arange(200) % 2 == 0
    values = np.column_stack([rng.poisson(4 + 4 * is_agent), rng.integers(0, 5, 200)]).astype(
        np.float32
    )
    return Classifier(
        fit_classifier(LabelledRows(values, NAMES, is_agent, np.arange(200)), 10, seed=1),
        NAMES,
        request.param,
        0.6,
    )


def saved(
    tmp_path: Path, files: dict[str, bytes], features: tuple[str, ...] = NAMES
) -> StoredModel:
    manifest = Manifest(FORMAT, "classifier", "v1", 1, 2, "abc", "def", 3, features, {}, {}, {})
    return ModelStore(tmp_path, "classifier").save(manifest, files)


def test_one_session_is_encoded_as_a_table_is() -> None:
    np.testing.assert_array_equal(
        np.stack([encode_session(row, NAMES) for row in ROWS]), encode_features(table(), NAMES)
    )


def test_it_gives_the_scores_of_the_trained_one(tmp_path: Path, classifier: Classifier) -> None:
    inference = open_classifier(saved(tmp_path, classifier_files(classifier)))
    assert [inference.agent_probability(row) for row in ROWS] == pytest.approx(
        classifier.agent_probability(table()).tolist(), abs=1e-7
    )
    assert (inference.version, inference.decision.threshold) == ("v1", 0.6)


def test_a_file_without_trees_is_one_sentence(tmp_path: Path, classifier: Classifier) -> None:
    with pytest.raises(DataError, match=r"model\.ubj of model v1 is damaged at byte 1"):
        open_classifier(
            saved(tmp_path, classifier_files(classifier) | {"model.ubj": b"\x80\x04pickled"})
        )


def test_trees_that_read_other_features_than_the_manifest_says_are_refused(
    tmp_path: Path, classifier: Classifier
) -> None:
    with pytest.raises(DataError, match="read other features"):
        open_classifier(
            saved(tmp_path, classifier_files(classifier), features=("item_views", "cart_adds"))
        )


@pytest.mark.slow
def test_inference_imports_no_training_library(tmp_path: Path, classifier: Classifier) -> None:
    saved(tmp_path, classifier_files(classifier))
    program = (
        "import sys; from pathlib import Path; from phantom_core.model_store.store import "
        "ModelStore; "
        "from phantom_core.models.inference_classifier import open_classifier; "
        f"print(open_classifier(ModelStore(Path({str(tmp_path)!r}), "
        "'classifier').open('v1')).agent_probability({'item_views': 9.0})); "
        "print({'xgboost', 'pandas', 'sklearn', 'scipy'} & set(sys.modules))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert 0 < float(output[0]) < 1
    assert output[1] == "set()"
