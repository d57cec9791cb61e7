"""A classifier as files, and back."""

import xgboost as xgb

from phantom_core.core.errors import DataError
from phantom_core.model_store.store import ModelFiles
from phantom_core.models.classifier import Classifier
from phantom_core.models.inference_classifier import DECISION, TREES, AgentDecision, read_decision
from phantom_core.models.tree_bytes import check_trees


def classifier_files(classifier: Classifier) -> dict[str, bytes]:
    """Content of the files that hold a classifier, by name."""
    decision = AgentDecision(classifier.calibration, classifier.threshold)
    return {TREES: bytes(classifier.booster.save_raw("ubj")), DECISION: decision.to_json()}


def read_classifier(model: ModelFiles) -> Classifier:
    """Read a saved classifier.

    Raises:
        DataError: a file is gone, was changed, or is not what its name says.
    """
    booster, content = xgb.Booster(), model.read(TREES)
    check_trees(content, f"{TREES} of model {model.manifest.version}")
    try:
        booster.load_model(bytearray(content))
    except xgb.core.XGBoostError as error:
        raise DataError(
            f"Model {model.manifest.version} cannot be read as a classifier.", hint="Train again."
        ) from error
    decision = read_decision(model)
    if tuple(booster.feature_names or ()) != model.manifest.features:
        raise DataError(
            f"The trees of model {model.manifest.version} read other features than its manifest "
            "says.",
            hint="Train again.",
        )
    return Classifier(
        booster,
        model.manifest.features,
        decision.calibration,
        decision.threshold,
        model.manifest.version,
    )
