"""A classifier as files, and back."""

from dataclasses import dataclass
from typing import Final

import xgboost as xgb
from pydantic import TypeAdapter, ValidationError

from phantom_core.artifacts.store import StoredModel
from phantom_core.errors import DataError
from phantom_core.models.calibration import Calibration
from phantom_core.models.classifier import Classifier

TREES: Final = "model.ubj"
DECISION: Final = "calibration.json"


@dataclass(frozen=True, slots=True)
class _Decision:
    calibration: Calibration
    threshold: float


_ADAPTER: Final = TypeAdapter(_Decision)


def classifier_files(classifier: Classifier) -> dict[str, bytes]:
    """Content of the files that hold a classifier, by name."""
    decision = _Decision(classifier.calibration, classifier.threshold)
    return {TREES: bytes(classifier.booster.save_raw("ubj")), DECISION: _ADAPTER.dump_json(decision, indent=2)}


def read_classifier(model: StoredModel) -> Classifier:
    """Read a saved classifier.

    Raises:
        DataError: a file is gone, was changed, or is not what its name says.
    """
    booster = xgb.Booster()
    try:
        booster.load_model(bytearray(model.read(TREES)))
        decision = _ADAPTER.validate_json(model.read(DECISION))
    except (xgb.core.XGBoostError, ValidationError) as error:
        raise DataError(f"Model {model.manifest.version} cannot be read as a classifier.", hint="Train again.") from error
    if tuple(booster.feature_names or ()) != model.manifest.features:
        raise DataError(f"The trees of model {model.manifest.version} read other features than its manifest says.", hint="Train again.")
    return Classifier(booster, model.manifest.features, decision.calibration, decision.threshold, model.manifest.version)
