"""A classifier as files, and back: its part for whole sessions, and its part for quotes."""

import xgboost as xgb

from phantom_core.core.errors import DataError
from phantom_core.model_store.store import ModelFiles
from phantom_core.models.classifier import Classifier
from phantom_core.models.inference_classifier import (
    DECISION,
    QUOTE_DECISION,
    QUOTE_TREES,
    TREES,
    AgentDecision,
    read_decision,
    read_quote_decision,
    require_quotes,
)
from phantom_core.models.quote_classifier import QuoteClassifier
from phantom_core.models.tree_bytes import check_trees


def classifier_files(classifier: Classifier) -> dict[str, bytes]:
    """Content of the files that hold a classifier of whole sessions, by name."""
    decision = AgentDecision(classifier.calibration, classifier.threshold)
    return {TREES: bytes(classifier.booster.save_raw("ubj")), DECISION: decision.to_json()}


def quote_files(classifier: QuoteClassifier) -> dict[str, bytes]:
    """Content of the files that hold a classifier of sessions at their quotes, by name."""
    return {
        QUOTE_TREES: bytes(classifier.booster.save_raw("ubj")),
        QUOTE_DECISION: classifier.decision.to_json(),
    }


def read_classifier(model: ModelFiles) -> Classifier:
    """Read the part of a saved classifier that scores whole sessions, for reports.

    Raises:
        DataError: a file is gone, was changed, or is not what its name says.
    """
    booster, decision = _read_trees(model, TREES), read_decision(model)
    return Classifier(
        booster,
        model.manifest.features,
        decision.calibration,
        decision.threshold,
        model.manifest.version,
    )


def read_quote_classifier(model: ModelFiles) -> QuoteClassifier:
    """Read the part of a saved classifier that prices are set with.

    Raises:
        DataError: it learned from whole sessions only; or a file is gone, was changed, or is not
            what its name says.
    """
    require_quotes(model.manifest)
    booster, decision = _read_trees(model, QUOTE_TREES), read_quote_decision(model)
    return QuoteClassifier(booster, model.manifest.features, decision, model.manifest.version)


def _read_trees(model: ModelFiles, name: str) -> xgb.Booster:
    version = model.manifest.version
    booster, content = xgb.Booster(), model.read(name)
    check_trees(content, f"{name} of model {version}")
    try:
        booster.load_model(bytearray(content))
    except xgb.core.XGBoostError as error:
        raise DataError(
            f"Model {version} cannot be read as a classifier.", hint="Train again."
        ) from error
    if tuple(booster.feature_names or ()) != model.manifest.features:
        raise DataError(
            f"The trees of model {version} read other features than its manifest says.",
            hint="Train again.",
        )
    return booster
