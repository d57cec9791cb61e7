"""Quick fit: out-of-fold scores by models with a fixed number of rounds, for many trainings."""

from typing import Final

import numpy as np

from phantom_core.core.arrays import Floats, Ints
from phantom_core.models.classifier import LabelledRows, classifier_margin, fit_classifier

# Early stopping finds 50 to 120 on sets of 1,500 to 5,000 sessions.
ROUNDS: Final = 60


def quick_cross_fit(rows: LabelledRows, fold: Ints, *, seed: int) -> Floats:
    """Log-odds by models that did not see the actor, shape (n_rows,).

    Args:
        rows: the sessions.
        fold: of each; no actor is in two of them.
        seed: of the training.
    """
    margin = np.empty(fold.size)
    for k in range(int(fold.max()) + 1):
        booster = fit_classifier(rows[fold != k], ROUNDS, seed=seed)
        margin[fold == k] = classifier_margin(booster, rows.values[fold == k])
    return margin
