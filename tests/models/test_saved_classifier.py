"""A classifier survives being saved, and what is not a classifier is refused."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from phantom_core.core.errors import DataError
from phantom_core.model_store.manifest import FORMAT, Manifest
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.models.classifier import Classifier, LabelledRows, fit_classifier
from phantom_core.models.curves import Beta
from phantom_core.models.saved_classifier import classifier_files, read_classifier

NAMES = ("item_views", "browser_family")


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    rng = np.random.default_rng(0)
    is_agent = np.arange(200) % 2 == 0
    values = np.column_stack([rng.poisson(4 + 4 * is_agent), rng.integers(0, 5, 200)]).astype(
        np.float32
    )
    return Classifier(
        fit_classifier(LabelledRows(values, NAMES, is_agent, np.arange(200)), 10, seed=1),
        NAMES,
        Beta(1.0, 0.5, 0.1),
        0.6,
    )


def saved(
    tmp_path: Path, files: dict[str, bytes], features: tuple[str, ...] = NAMES
) -> StoredModel:
    manifest = Manifest(FORMAT, "classifier", "v1", 1, 2, "abc", "def", 3, features, {}, {}, {})
    return ModelStore(tmp_path, "classifier").save(manifest, files)


def test_it_comes_back_with_the_same_answers(tmp_path: Path, classifier: Classifier) -> None:
    again = read_classifier(saved(tmp_path, classifier_files(classifier)))
    table = pa.table(
        {
            "item_views": pa.array([2, 9, None], pa.int64()),
            "browser_family": pa.array(["Chrome", None, "Other"]),
        }
    )
    np.testing.assert_array_equal(
        again.agent_probability(table), classifier.agent_probability(table)
    )
    assert (again.calibration, again.threshold, again.names, again.version) == (
        classifier.calibration,
        0.6,
        NAMES,
        "v1",
    )


def test_no_file_is_a_pickle(classifier: Classifier) -> None:
    files = classifier_files(classifier)
    assert files["model.ubj"].startswith(
        b"{L"
    )  # a UBJSON object whose first key has a 64-bit length
    assert files["calibration.json"].startswith(b"{\n")


def test_trees_in_another_format_are_refused(tmp_path: Path, classifier: Classifier) -> None:
    model = saved(tmp_path, classifier_files(classifier) | {"model.ubj": b"\x80\x04pickled"})
    with pytest.raises(DataError, match="is damaged at byte 1"):
        read_classifier(model)


def test_an_unknown_calibration_is_refused(tmp_path: Path, classifier: Classifier) -> None:
    unknown = b'{"calibration": {"method": "spline"}, "threshold": 0.5}'
    with pytest.raises(DataError, match="cannot be read as a classifier"):
        read_classifier(
            saved(tmp_path, classifier_files(classifier) | {"calibration.json": unknown})
        )


def test_trees_that_read_other_features_than_the_manifest_says_are_refused(
    tmp_path: Path, classifier: Classifier
) -> None:
    model = saved(tmp_path, classifier_files(classifier), features=("item_views", "cart_adds"))
    with pytest.raises(DataError, match="read other features"):
        read_classifier(model)
