"""Agreement of two people beyond chance."""

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.estimate import Estimate
from phantom_core.core.resampling import N_RESAMPLES, quantile_interval


def cohen_kappa(
    one: NDArray[np.bool_], other: NDArray[np.bool_], rng: np.random.Generator
) -> Estimate:
    """Cohen's κ: 1 for full agreement, 0 for as much as by chance.

    Args:
        one: verdicts of one person on sessions, at least one of them, shape (n,).
        other: verdicts of the other on the same sessions, shape (n,).
        rng: draws the resamples.
    Source: Cohen 1960, A coefficient of agreement for nominal scales.

    >>> both = np.array([True, False])
    >>> cohen_kappa(both, both, np.random.default_rng(0)).value
    1.0
    """
    cells = np.bincount(2 * one.astype(np.int64) + other, minlength=4)
    drawn = rng.multinomial(one.size, cells / one.size, size=N_RESAMPLES)
    return quantile_interval(float(_kappa(cells[None, :])[0]), _kappa(drawn))


def _kappa(cells: NDArray[np.int64]) -> NDArray[np.float64]:
    """κ of tables of two by two: both human, other agent, one agent, both agent."""
    n = cells.sum(axis=1)
    agreed = (cells[:, 0] + cells[:, 3]) / n
    one, other = (cells[:, 2] + cells[:, 3]) / n, (cells[:, 1] + cells[:, 3]) / n
    chance = one * other + (1 - one) * (1 - other)
    # Where both say one thing only, chance explains everything: undefined.
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(chance < 1, (agreed - chance) / (1 - chance), np.nan)
