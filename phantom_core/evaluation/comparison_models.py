"""Comparison models: gradient-boosted trees on the network's rows and folds."""

from typing import Final

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from phantom_core.core.progress import Progress
from phantom_core.features.catalogue import feature_names
from phantom_core.features.offers.product_features import product_names
from phantom_core.models.classifier import LabelledRows
from phantom_core.models.cross_fit import cross_fit
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.multitask.rows import LearningRows

PRICE: Final = "log_price_ratio"
_ROUNDS: Final = 120
_PARAMETERS: Final[dict[str, str | int | float]] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_depth": 4,
    "learning_rate": 0.05,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
    "min_child_weight": 2.0,
    "reg_lambda": 2.0,
    "nthread": 1,
}


def agent_trees(
    rows: LearningRows, fold: NDArray[np.int64], *, seed: int, progress: Progress
) -> NDArray[np.float64]:
    """Out-of-fold log-odds of the agent classifier, trained on the same sessions and folds.

    Args:
        rows: whole sessions, all labelled.
        fold: of each row, shape (n,).
        seed: of the training.
        progress: called during every fold.
    """
    labelled = LabelledRows(rows.inputs.session, feature_names(), rows.is_agent == 1, rows.actor)
    return cross_fit(labelled, fold, seed=seed, progress=progress).margin


def purchase_trees(
    rows: LearningRows, fold: NDArray[np.int64], *, seed: int, progress: Progress
) -> NDArray[np.float64]:
    """Out-of-fold log-odds of trees over sessions, products and the price, never rising with it.

    Args:
        rows: offers.
        fold: of each row, shape (n,).
        seed: of the sampling of rows and columns.
        progress: called after every fold.
    """
    values, bought = purchase_columns(rows.inputs), rows.bought
    falling = "(" + ",".join(["0"] * (values.shape[1] - 1) + ["-1"]) + ")"
    margin, n_folds = np.empty(len(rows)), int(fold.max()) + 1
    for k in range(n_folds):
        learned = xgb.DMatrix(values[fold != k], bought[fold != k])
        booster = xgb.train(
            {**_PARAMETERS, "seed": seed + k, "monotone_constraints": falling}, learned, _ROUNDS
        )
        margin[fold == k] = booster.predict(xgb.DMatrix(values[fold == k]), output_margin=True)
        progress((k + 1) / n_folds, f"trees for comparison, fold {k + 1} of {n_folds}")
    return margin


def purchase_columns(inputs: Inputs) -> NDArray[np.float32]:
    """Everything that the purchase head reads as one matrix, the price last."""
    return np.column_stack([inputs.session, inputs.product, inputs.log_ratio])


def purchase_names() -> tuple[str, ...]:
    """Names of these columns."""
    return (*feature_names(), *product_names(), PRICE)
