"""Task: one of a model's predictions, evaluated on held-out actors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.core.estimate import Estimate
from phantom_core.evaluation.metrics import (
    brier_score,
    calibration_bins,
    calibration_error,
    calibration_error_of_chance,
)
from phantom_core.evaluation.ranking import Curve, auc_difference, rank_scores, roc_auc, roc_points
from phantom_core.evaluation.report import CalibrationReport
from phantom_core.models.calibration import CalibrationChoice, log_loss


@dataclass(frozen=True, slots=True)
class TaskReport:
    """Ranking and calibration of probabilities; all out of fold.

    Attributes:
        n_rows: rows with a label.
        base_rate: share of them that is positive: the precision of predicting yes for all.
        roc_auc, pr_auc: with intervals from resampled actors.
        roc: the ROC curve.
        calibration: how far the probabilities can be trusted.
    """

    n_rows: int
    base_rate: float
    roc_auc: Estimate
    pr_auc: Estimate
    roc: Curve
    calibration: CalibrationReport


@dataclass(frozen=True, slots=True)
class ComparisonModel:
    """Another model of the same task, on the same folds.

    Attributes:
        name: as shown.
        roc_auc: of it.
        ahead: ROC-AUC of the model minus that of this one, on the same resampled actors.
    """

    name: str
    roc_auc: float
    ahead: Estimate


def evaluate_task(
    positive: NDArray[np.bool_],
    score: Floats,
    choice: CalibrationChoice,
    probability: Floats,
    actor: NDArray[np.int64],
    rng: np.random.Generator,
) -> TaskReport:
    """Evaluate out-of-fold predictions.

    Args:
        positive: labels, shape (n,).
        score: log-odds, shape (n,).
        choice: the calibration, for the record.
        probability: calibrated, by a curve that did not see the row's fold, shape (n,).
        actor: of each row, shape (n,).
        rng: draws resamples and chance.
    """
    ranked, bins, rate = (
        rank_scores(positive, score, actor, rng),
        calibration_bins(positive, probability),
        float(positive.mean()),
    )
    calibration = CalibrationReport(
        method=choice.calibration.method,
        log_loss={**choice.log_loss, "chosen": log_loss(positive, probability)},
        ece=calibration_error(bins),
        ece_of_chance=calibration_error_of_chance(probability, rng),
        brier=brier_score(positive, probability),
        brier_base_rate=rate * (1 - rate),
        bins=bins,
    )
    return TaskReport(
        len(positive), rate, ranked.roc_auc, ranked.pr_auc, roc_points(positive, score), calibration
    )


def compare_tasks(
    name: str,
    positive: NDArray[np.bool_],
    scores: tuple[Floats, Floats],
    actor: NDArray[np.int64],
    rng: np.random.Generator,
) -> ComparisonModel:
    """Compare the model's score with that of a comparison model.

    Args:
        name: of the comparison model.
        positive: labels, shape (n,).
        scores: the model's and the comparison model's, each of shape (n,).
        actor: of each row, shape (n,).
        rng: draws the resamples.
    """
    return ComparisonModel(
        name, roc_auc(positive, scores[1]), auc_difference(positive, scores, actor, rng)
    )
