"""Trial figures: statistics of episodes, with intervals from resampled episodes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from phantom_core.core.arrays import Floats

N_RESAMPLES: Final = 1_000
_LEVELS: Final = (0.025, 0.975)


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
        drawn = rng.integers(n_episodes, size=(N_RESAMPLES, n_episodes))
        drawn += n_episodes * np.arange(N_RESAMPLES)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=N_RESAMPLES * n_episodes).reshape(
            N_RESAMPLES, n_episodes
        )
        self._weights = counts / n_episodes
        self._rng = rng

    def seeds(self, n_seeds: int) -> Floats:
        """How often each training seed is drawn, as a share, shape (n_resamples, n_seeds)."""
        return (
            self._rng.multinomial(n_seeds, np.full(n_seeds, 1.0 / n_seeds), size=N_RESAMPLES)
            / n_seeds
        )

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
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not drawn.size:
        return TrialFigure(None, None, None)
    low, high = np.quantile(drawn, _LEVELS)
    return TrialFigure(value, float(low), float(high))
