"""Resampling: confidence intervals of figures whose independent units are actors or days."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.core.estimate import Estimate

N_RESAMPLES: Final = 1_000
# At most this many blocks of units are drawn, so that memory stays small.
N_BLOCKS: Final = 2_000
# Resamples are computed a few at a time, for the same reason.
CHUNK_CELLS: Final = 2_000_000
TAILS: Final = (0.025, 0.975)


def quantile_interval(value: float, drawn: Floats) -> Estimate:
    """A figure and the 95 % percentile interval of its resamples.

    Args:
        value: the figure of the sample itself.
        drawn: the figure of each resample, shape (n_resamples,); what is undefined or infinite is
            left out, and the bounds are NaN where nothing else is there.
    Source: Efron and Tibshirani 1993, percentile intervals.

    >>> quantile_interval(2.0, np.array([1.0, 3.0, np.nan]))
    Estimate(value=2.0, low=1.05, high=2.95)
    """
    finite = drawn[np.isfinite(drawn)]
    low, high = np.quantile(finite, TAILS) if finite.size else (np.nan, np.nan)
    return Estimate(float(value), float(low), float(high))


def share_of(
    values: NDArray[np.float64],
    groups: NDArray[np.int64],
    rng: np.random.Generator,
    within: NDArray[np.bool_] | None = None,
) -> Estimate:
    """Mean of a value over rows, with an interval from resampled groups.

    Args:
        values: shape (n_rows,).
        groups: actor of each row, numbers from 0, shape (n_rows,).
        rng: draws the resamples.
        within: rows that count, shape (n_rows,); None means all. At least one.
    Source: Field and Welsh 2007, bootstrapping clusters.
    """
    rows = np.ones(values.size, np.bool_) if within is None else within
    block = make_blocks(groups, rng)
    sums = np.bincount(block[rows], values[rows], minlength=int(block.max()) + 1)
    sizes = np.bincount(block[rows], minlength=sums.size)
    weights = resample_weights(sums.size, rng)
    drawn = (weights @ sums) / np.maximum(weights @ sizes, 1e-300)
    return quantile_interval(sums.sum() / sizes.sum(), drawn)


def make_blocks(groups: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Number of the block of each row, from 0, shape (n_rows,).

    A block is a group, or some whole groups drawn at random where there are more than N_BLOCKS.
    """
    found, number = np.unique(groups, return_inverse=True)
    return np.asarray(
        number if found.size <= N_BLOCKS else (rng.permutation(found.size) % N_BLOCKS)[number],
        np.int64,
    )


def resample_weights(n_units: int, rng: np.random.Generator) -> Floats:
    """How often each unit is drawn in each resample, shape (N_RESAMPLES, n_units)."""
    return rng.multinomial(n_units, np.full(n_units, 1.0 / n_units), size=N_RESAMPLES).astype(
        np.float64
    )


def count_draws(n_units: int, n_resamples: int, rng: np.random.Generator) -> Floats:
    """The same from units drawn one by one, which uses other random numbers and is faster for few
    units; shape (n_resamples, n_units).
    """
    drawn = rng.integers(n_units, size=(n_resamples, n_units))
    drawn += n_units * np.arange(n_resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=n_resamples * n_units)
    return counts.reshape(n_resamples, n_units).astype(np.float64)


def count_some(
    n_units: int, n_resamples: int, rng: np.random.Generator, n_rows: int | None = None
) -> Iterator[Floats]:
    """`count_draws` some resamples at a time, so many as fit where each weighs n_rows rows."""
    n_some = max(1, CHUNK_CELLS // (n_rows or n_units))
    for start in range(0, n_resamples, n_some):
        yield count_draws(n_units, min(n_some, n_resamples - start), rng)
