"""The inference classifier needs no training library and gives the trained one's scores."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import xgboost as xgb

from phantom_core.core.errors import DataError
from phantom_core.model_store.manifest import FORMAT, Manifest
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.models.classifier import Classifier, LabelledRows, fit_classifier
from phantom_core.models.curves import Beta, Isotonic, Platt
from phantom_core.models.encoding import encode_features, encode_session
from phantom_core.models.event_curves import EventCurves
from phantom_core.models.inference_classifier import QuoteDecision, open_classifier
from phantom_core.models.quote_classifier import QuoteClassifier
from phantom_core.models.saved_classifier import (
    classifier_files,
    quote_files,
    read_classifier,
    read_quote_classifier,
)

NAMES = ("total_interactions", "item_views", "browser_family")
ROWS: list[dict[str, float | str | None]] = [
    {"total_interactions": events, "item_views": views, "browser_family": browser}
    for events, views in ((None, None), (1, 0), (2, 2), (3, 9), (40, 1e39), (4, float("inf")))
    for browser in ("Chrome", "Edge", "Other", "Lynx", None)
]


def table() -> pa.Table:
    return pa.table(
        {
            "total_interactions": pa.array(
                [row["total_interactions"] for row in ROWS], pa.float64()
            ),
            "item_views": pa.array([row["item_views"] for row in ROWS], pa.float64()),
            "browser_family": pa.array([row["browser_family"] for row in ROWS], pa.string()),
        }
    )


@pytest.fixture(
    scope="module",
    params=[Beta(1.0, 0.5, 0.1), Platt(0.8, -0.2), Isotonic((-2.0, 0.0, 3.0), (0.05, 0.4, 0.9))],
)
def classifier(request: pytest.FixtureRequest) -> QuoteClassifier:
    """One whose curves differ before and after the third event."""
    curves = EventCurves((0, 3), (Platt(0.1, 0.0), request.param))
    return QuoteClassifier(trees(), NAMES, QuoteDecision(curves, 0.6))


def trees() -> xgb.Booster:
    rng = np.random.default_rng(0)
    is_agent = np.arange(200) % 2 == 0
    values = np.column_stack(
        [rng.poisson(9, 200), rng.poisson(4 + 4 * is_agent), rng.integers(0, 5, 200)]
    ).astype(np.float32)
    return fit_classifier(LabelledRows(values, NAMES, is_agent, np.arange(200)), 10, seed=1)


def saved(
    tmp_path: Path, files: dict[str, bytes], features: tuple[str, ...] = NAMES
) -> StoredModel:
    manifest = Manifest(FORMAT, "classifier", "v1", 1, 2, "abc", "def", 3, features, {}, {}, {})
    return ModelStore(tmp_path, "classifier").save(manifest, files)


def test_one_session_is_encoded_as_a_table_is() -> None:
    np.testing.assert_array_equal(
        np.stack([encode_session(row, NAMES) for row in ROWS]), encode_features(table(), NAMES)
    )


def test_it_gives_the_scores_of_the_trained_one(
    tmp_path: Path, classifier: QuoteClassifier
) -> None:
    inference = open_classifier(saved(tmp_path, quote_files(classifier)))
    assert [inference.agent_probability(row) for row in ROWS] == pytest.approx(
        classifier.agent_probability(table()).tolist(), abs=1e-7
    )
    assert (inference.version, inference.decision.threshold) == ("v1", 0.6)


def test_a_file_without_trees_is_one_sentence(tmp_path: Path, classifier: QuoteClassifier) -> None:
    with pytest.raises(DataError, match=r"quote_model\.ubj of model v1 is damaged at byte 1"):
        open_classifier(
            saved(tmp_path, quote_files(classifier) | {"quote_model.ubj": b"\x80\x04pickled"})
        )


def test_trees_that_read_other_features_than_the_manifest_says_are_refused(
    tmp_path: Path, classifier: QuoteClassifier
) -> None:
    with pytest.raises(DataError, match="read other features"):
        open_classifier(
            saved(
                tmp_path, quote_files(classifier), features=("item_views", "cart_adds", "searches")
            )
        )


def test_it_comes_back_with_the_same_answers(tmp_path: Path, classifier: QuoteClassifier) -> None:
    again = read_quote_classifier(saved(tmp_path, quote_files(classifier)))
    np.testing.assert_array_equal(
        again.agent_probability(table()), classifier.agent_probability(table())
    )
    assert (again.decision, again.names, again.version) == (classifier.decision, NAMES, "v1")


def test_the_same_trees_say_less_after_two_events_than_after_three(
    classifier: QuoteClassifier,
) -> None:
    values = np.array([[2, 9, 0], [3, 9, 0]], np.float32)
    margin = np.array([1.0, 1.0])
    early, late = classifier.decision.calibration.probability(margin, values[:, 0])
    assert early == pytest.approx(1 / (1 + np.exp(-0.1)))
    assert late == pytest.approx(classifier.decision.calibration.curves[1].probability(margin)[0])


def test_a_classifier_of_whole_sessions_opens_for_reports_and_is_refused_for_pricing(
    tmp_path: Path,
) -> None:
    old = saved(tmp_path, classifier_files(Classifier(trees(), NAMES, Platt(1.0, 0.0), 0.5)))
    assert read_classifier(old).threshold == 0.5
    for opened in (open_classifier, read_quote_classifier):
        with pytest.raises(DataError, match="learned from whole sessions only") as refusal:
            opened(old)
        assert "Train another one" in str(refusal.value)


@pytest.mark.slow
def test_inference_imports_no_training_library(tmp_path: Path, classifier: QuoteClassifier) -> None:
    saved(tmp_path, quote_files(classifier))
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
