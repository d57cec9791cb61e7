"""Fold margins: out-of-fold scores of one study, each fold saved as soon as it is trained.

A study that was interrupted goes on with the folds that are missing.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.progress import Progress, part_progress
from phantom_core.models.classifier import LabelledRows, classifier_margin, fit_classifier_early
from phantom_core.models.cross_fit import progress_during


@dataclass(frozen=True, slots=True)
class FoldCache:
    """Margins by study and fold.

    Attributes:
        folder: of the files; None saves nothing.
    """

    folder: Path | None = None

    def read(self, study: str, fold: int, n_rows: int) -> NDArray[np.float64] | None:
        """Margins of one fold; None where there are none, or not of as many rows."""
        if self.folder is None:
            return None
        try:
            found = np.load(self._path(study, fold), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return np.asarray(found, np.float64) if found.shape == (n_rows,) else None

    def write(self, study: str, fold: int, margin: NDArray[np.float64]) -> None:
        """Save the margins of one fold."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f"{study}-{fold}.part.npy"
        np.save(partial, margin, allow_pickle=False)
        partial.replace(self._path(study, fold))

    def _path(self, study: str, fold: int) -> Path:
        assert self.folder is not None
        return self.folder / f"{study}-{fold}.npy"


def cross_fit_margin(
    rows: LabelledRows,
    fold: NDArray[np.int64],
    *,
    study: str,
    cache: FoldCache,
    seed: int,
    progress: Progress,
    may_learn: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Out-of-fold log-odds, as `cross_fit` gives them; models are not kept.

    Args:
        rows: the sessions.
        fold: fold of each row, shape (n_rows,).
        study: name of the study, of letters, digits and hyphens.
        cache: of the folds.
        seed: of the training.
        progress: called during every fold.
        may_learn: False for rows that no model trains on, shape (n_rows,).
    """
    allowed = np.ones(len(fold), dtype=np.bool_) if may_learn is None else may_learn
    margins, n_folds = np.empty(len(fold)), int(fold.max()) + 1
    for k in range(n_folds):
        part = progress_during(
            part_progress(progress, k / n_folds, (k + 1) / n_folds), f"fold {k + 1} of {n_folds}"
        )
        held_out = fold == k
        found = cache.read(study, k, int(held_out.sum()))
        if found is None:
            booster = fit_classifier_early(rows[~held_out & allowed], seed=seed + k, progress=part)
            found = classifier_margin(booster, rows.values[held_out])
            cache.write(study, k, found)
        margins[held_out] = found
    return margins
