"""Cross-fitting: each session is scored by a model that did not see its actor."""

from dataclasses import dataclass

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from phantom_core.core.progress import Progress, ProgressValues, no_progress, part_progress
from phantom_core.models.classifier import LabelledRows, classifier_margin, fit_classifier_early


@dataclass(frozen=True, slots=True, eq=False)
class CrossFit:
    """One model per fold, and its scores of the fold it did not see.

    Attributes:
        fold: fold of each row, shape (n_rows,).
        boosters: the model of each fold, trained on the other folds.
        margin: out-of-fold log-odds, shape (n_rows,).
    """

    fold: NDArray[np.int64]
    boosters: tuple[xgb.Booster, ...]
    margin: NDArray[np.float64]

    @property
    def n_rounds(self) -> int:
        """Rounds a model on all rows should get: the median of the folds'."""
        return int(np.median([booster.num_boosted_rounds() for booster in self.boosters]))

    def margin_of(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Out-of-fold log-odds of the same sessions with other values.

        Args:
            values: encoded features, shape (n_rows, n_names).
        """
        return _out_of_fold(self.boosters, self.fold, values)

    def margin_at(self, values: NDArray[np.float32], row: NDArray[np.int64]) -> NDArray[np.float64]:
        """Out-of-fold log-odds of some of the sessions, each any number of times.

        Args:
            values: encoded features, shape (n, n_names).
            row: of the session of each, shape (n,).
        """
        return _out_of_fold(self.boosters, self.fold[row], values)


def cross_fit(
    rows: LabelledRows,
    fold: NDArray[np.int64],
    *,
    seed: int,
    may_learn: NDArray[np.bool_] | None = None,
    progress: Progress = no_progress,
) -> CrossFit:
    """Train one model per fold on all other folds.

    Args:
        rows: the sessions.
        fold: fold of each row, shape (n_rows,).
        seed: of the training.
        may_learn: False for rows that no model trains on, shape (n_rows,); they are scored all the
            same.
        progress: called during every fold.
    """
    allowed = np.ones(len(fold), dtype=np.bool_) if may_learn is None else may_learn
    n_folds = int(fold.max()) + 1
    boosters = []
    for k in range(n_folds):
        part = progress_during(
            part_progress(progress, k / n_folds, (k + 1) / n_folds), f"fold {k + 1} of {n_folds}"
        )
        boosters.append(
            fit_classifier_early(rows[(fold != k) & allowed], seed=seed + k, progress=part)
        )
    return CrossFit(fold, tuple(boosters), _out_of_fold(tuple(boosters), fold, rows.values))


def progress_during(progress: Progress, what: str) -> Progress:
    """Prefix progress messages with the step that they belong to.

    >>> progress_during(lambda f, m, v: print(f"{f:.2f} {m}"), "fold 1 of 5")(0.5, "round 40")
    0.50 fold 1 of 5, round 40
    """

    def part(fraction: float, message: str, values: ProgressValues | None = None) -> None:
        progress(fraction, f"{what}, {message}", values)

    return part


def _out_of_fold(
    boosters: tuple[xgb.Booster, ...], fold: NDArray[np.int64], values: NDArray[np.float32]
) -> NDArray[np.float64]:
    margins = np.empty(len(fold))
    for k, booster in enumerate(boosters):
        margins[fold == k] = classifier_margin(booster, values[fold == k])
    return margins
