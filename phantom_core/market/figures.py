"""Trial figures: statistics of episodes, with intervals from resampled episodes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from phantom_core.core.arrays import Floats
from phantom_core.core.resampling import (
    N_RESAMPLES,
    count_draws,
    quantile_interval,
    resample_weights,
)


@dataclass(frozen=True, slots=True)
class TrialFigure:
    """A number with its 95 % interval; None where it is undefined, such as the conversion of humans
    in a trial without any.
    """

    value: float | None
    low: float | None
    high: float | None


class Resamples:
    """How often each bootstrap resample draws each episode, and each training seed of a policy.

    All policies of a trial share the resamples of episodes, so that their differences stay paired.
    Where a policy was trained several times, the seeds are resampled too: its intervals then cover
    the variation between training runs.

    Args:
        n_episodes: count, at least 2.
        rng: draws the resamples.
    Source: Efron and Tibshirani 1993, percentile intervals; Field and Welsh 2007 for the two
        levels.
    """

    def __init__(self, n_episodes: int, rng: np.random.Generator) -> None:
        self._weights = count_draws(n_episodes, N_RESAMPLES, rng) / n_episodes
        self._rng = rng

    def seeds(self, n_seeds: int) -> Floats:
        """How often each training seed is drawn, as a share, shape (n_resamples, n_seeds)."""
        return resample_weights(n_seeds, self._rng) / n_seeds

    def means(self, values: Floats, seeds: Floats) -> Floats:
        """Mean of each resample.

        Args:
            values: by seed and episode, shape (n_seeds, n_episodes).
            seeds: result of `seeds` for this policy.
        Returns:
            Shape (n_resamples,).
        """
        return np.asarray(np.einsum("rs,sr->r", seeds, values @ self._weights.T))


def estimate_figure(
    of: Callable[[Callable[[Floats], Floats]], Floats], resample: Callable[[Floats], Floats]
) -> TrialFigure:
    """Estimate a statistic of means, on all episodes and on each resample.

    Args:
        of: computes the statistic, given a function that turns values by episode into their mean.
        resample: turns values by episode into means of the resamples, shape (n_resamples,).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(of(lambda values: np.asarray(values.mean())))
        drawn = np.asarray(of(resample))
    found = quantile_interval(value, drawn)
    if not np.isfinite(value) or np.isnan(found.low):
        return TrialFigure(None, None, None)
    return TrialFigure(found.value, found.low, found.high)
