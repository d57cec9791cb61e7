"""Resampling: confidence intervals of figures whose independent units are actors or days."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.estimate import Estimate

N_RESAMPLES: Final = 1_000
# At most this many blocks of units are drawn, so that memory stays small.
N_BLOCKS: Final = 2_000
Z_95: Final = 1.959964
TAILS: Final = (0.025, 0.975)


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
    low, high = np.quantile(drawn, TAILS)
    return Estimate(float(sums.sum() / sizes.sum()), float(low), float(high))


def make_blocks(groups: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Number of the block of each row, from 0, shape (n_rows,).

    A block is a group, or some whole groups drawn at random where there are more than N_BLOCKS.
    """
    found, number = np.unique(groups, return_inverse=True)
    return np.asarray(
        number if found.size <= N_BLOCKS else (rng.permutation(found.size) % N_BLOCKS)[number],
        np.int64,
    )


def resample_weights(n_units: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each unit is drawn in each resample, shape (N_RESAMPLES, n_units)."""
    return rng.multinomial(n_units, np.full(n_units, 1.0 / n_units), size=N_RESAMPLES).astype(
        np.float64
    )


def normal_interval(value: float, standard_error: float) -> Estimate:
    """The interval of an estimate that is normally distributed."""
    return Estimate(value, value - Z_95 * standard_error, value + Z_95 * standard_error)
