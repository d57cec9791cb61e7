"""Prediction: the outcome of a session from what was known before it, to reduce variance.

Source: Deng, Xu, Kohavi and Walker 2013, Improving the sensitivity of online controlled experiments
by utilizing pre-experiment data (CUPED), with coefficients from earlier sessions only, so that the
sequence of differences stays a martingale.
"""

from typing import Final

import numpy as np

from phantom_core.core.arrays import Floats

FIRST_FIT: Final = 1_000
_RIDGE: Final = 10.0


def predict_outcome(outcome: Floats, covariates: Floats) -> Floats:
    """Expected outcome of each session by a regression on all sessions before its batch.

    Args:
        outcome: in the order of arrival, shape (n,).
        covariates: known before the session's price, shape (n, n_covariates); NaN where unknown.
    Returns:
        Shape (n,), as deviation from the mean; 0 in the first batch. A regression that did not
        reduce the squared error of the batch before it is not used.
    """
    predicted = np.zeros_like(outcome)
    if not covariates.shape[1]:
        return predicted
    start, is_useful = FIRST_FIT, True
    while start < outcome.size:
        end = min(2 * start, outcome.size)
        trial = _extrapolate(outcome[:start], covariates[:start], covariates[start:end])
        if is_useful:
            predicted[start:end] = trial
        after = outcome[start:end]
        is_useful = bool(np.var(after - trial) < np.var(after))
        start = end
    return predicted


def _extrapolate(outcome: Floats, seen: Floats, ahead: Floats) -> Floats:
    centre = np.nanmean(np.where(np.isfinite(seen), seen, np.nan), axis=0)
    centre = np.where(np.isfinite(centre), centre, 0.0)
    scale = np.nanstd(np.where(np.isfinite(seen), seen, np.nan), axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    design, beyond = (
        np.clip(np.nan_to_num((one - centre) / scale), -3.0, 3.0) for one in (seen, ahead)
    )
    gram = design.T @ design + _RIDGE * np.eye(design.shape[1])
    slope = np.linalg.solve(gram, design.T @ (outcome - outcome.mean()))
    return np.asarray(beyond @ slope)
