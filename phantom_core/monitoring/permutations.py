"""Permutations: histograms of two periods when whole actors are dealt to them at random.

Source: Fisher 1935, The design of experiments; Westfall and Young 1993, Resampling-based multiple
testing: the largest of all figures, each in units of its chance, holds the error rate of all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from phantom_core.core.arrays import Floats, Floats32, Ints

# Units are pooled at random where both periods have more.
MOST_UNITS: Final = 1_500
# Permutations are worked out a few at a time, so that memory stays small.
_CELLS: Final = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """What can be dealt to either period: an actor's sessions in one of them.

    Attributes:
        counts: sessions in each bin of each feature, shape (n_units, n_bins).
        n_before: units of the earlier period, which come first.
        spans: first and last bin of each feature.
    """

    counts: Floats32
    n_before: int
    spans: tuple[tuple[int, int], ...]

    @property
    def before(self) -> Floats:
        """Histograms of the earlier period, shape (n_bins,)."""
        return np.asarray(self.counts[: self.n_before].sum(axis=0, dtype=np.float64))

    @property
    def after(self) -> Floats:
        """Histograms of the later period, shape (n_bins,)."""
        return np.asarray(self.counts[self.n_before :].sum(axis=0, dtype=np.float64))


def make_units(
    codes: Sequence[tuple[Ints, Ints]], before: Ints, after: Ints, rng: np.random.Generator
) -> Units:
    """Count each actor's sessions by bin.

    Args:
        codes: bins of the sessions by feature, earlier and later.
        before: actor of each earlier session.
        after: actor of each later one.
        rng: pools units where there are very many.
    """
    actors = [np.unique(one, return_inverse=True)[1] for one in (before, after)]
    sizes = [int(one.max()) + 1 for one in actors]
    pooled = max(1, min(sizes) // MOST_UNITS)
    rows = [rng.permutation(n)[one] // pooled for n, one in zip(sizes, actors, strict=True)]
    counts = [int(one.max()) + 1 for one in rows]
    row = np.concatenate([rows[0], rows[1] + counts[0]])
    columns = [np.concatenate(pair) for pair in codes]
    ends = np.cumsum([0, *(int(one.max()) + 1 for one in columns)])
    width, found = int(ends[-1]), np.zeros((sum(counts), int(ends[-1])), np.float32)
    for start, column in zip(ends[:-1], columns, strict=True):
        cells = np.bincount(row * width + start + column, minlength=found.size)
        found += cells.reshape(found.shape).astype(np.float32)
    return Units(found, counts[0], tuple((int(a), int(b)) for a, b in pairwise(ends)))


def permuted_counts(
    units: Units, n: int, rng: np.random.Generator
) -> Iterator[tuple[Floats, Floats]]:
    """Histograms of both periods in each permutation, some at a time.

    Args:
        units: as observed.
        n: how many permutations.
        rng: deals.
    """
    n_units = units.counts.shape[0]
    n_after = n_units - units.n_before
    total = units.counts.sum(axis=0, dtype=np.float64)
    step = max(1, _CELLS // max(units.counts.shape))
    for start in range(0, n, step):
        size = min(step, n - start)
        chosen = np.argpartition(rng.random((size, n_units), np.float32), n_after - 1, axis=1)
        dealt = np.zeros((size, n_units), np.float32)
        np.put_along_axis(dealt, chosen[:, :n_after], 1.0, axis=1)
        after = (dealt @ units.counts).astype(np.float64)
        yield total - after, after


def chance_of(observed: Floats, usual: Floats, permuted: Floats) -> Floats:
    """Probability that some figure is as large, for its usual size, when nothing moved.

    Args:
        observed: figures, shape (n_figures,).
        usual: their means when nothing moved, shape (n_figures,).
        permuted: figures of each permutation, shape (n, n_figures).
    """
    scale = np.maximum(usual, 1e-12)
    largest = np.sort((permuted / scale).max(axis=1, initial=0.0))
    as_large = largest.size - np.searchsorted(largest, observed / scale - 1e-9, side="left")
    return np.asarray((1.0 + as_large) / (1.0 + largest.size))
