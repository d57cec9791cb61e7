"""Bins: features as few ordered values, so that every split of a node follows from sums."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.features.catalogue import CATEGORIES
from phantom_core.features.domains import P_AGENT
from phantom_core.rules.evaluate import Column

N_BINS: Final = 24


@dataclass(frozen=True, slots=True)
class BinnedColumn:
    """One ordered reading of a feature.

    Attributes:
        feature: its name.
        category: value that 1 stands for; None where the feature is a number.
        edges: a value up to edge k, and above edge k − 1, is in bin k, shape (n_bins − 1,).
        undefined_left: whether undefined counts as less than any number, else as more.
        rises: whether a mark-up must not fall with it.
    """

    feature: str
    category: str | None
    edges: tuple[float, ...]
    undefined_left: bool
    rises: bool


@dataclass(frozen=True, slots=True, eq=False)
class Binned:
    """Quotes by bin.

    Attributes:
        columns: the readings.
        codes: bin of each quote by reading, shape (n_quotes, n_columns).
        values: numbers behind the bins, NaN where undefined, the same shape.
        n_bins: most bins of a reading.
    """

    columns: tuple[BinnedColumn, ...]
    codes: NDArray[np.int64]
    values: Floats
    n_bins: int

    def __getitem__(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "Binned":
        return Binned(self.columns, self.codes[rows], self.values[rows], self.n_bins)


def bin_features(
    columns: Mapping[str, Column],
    names: tuple[str, ...],
    *,
    of: NDArray[np.bool_],
    rises_with: tuple[str, ...] = (P_AGENT,),
) -> Binned:
    """Bin features at their quantiles.

    Args:
        columns: values by feature, shape (n_quotes,) each.
        names: features to bin.
        of: quotes whose quantiles count, shape (n_quotes,).
        rises_with: with which a mark-up must not fall.
    """
    found: list[BinnedColumn] = []
    codes: list[NDArray[np.int64]] = []
    values: list[Floats] = []
    for name in names:
        for category, numbers in _readings(name, columns[name]):
            undefined = np.isnan(numbers)
            edges = _edges(numbers[~undefined & of])
            for undefined_left in (True, False) if undefined.any() else (True,):
                code = np.searchsorted(edges, numbers, side="left") + 1
                code[undefined] = 0 if undefined_left else edges.size + 2
                found.append(
                    BinnedColumn(
                        name, category, tuple(edges.tolist()), undefined_left, name in rises_with
                    )
                )
                codes.append(code)
                values.append(numbers)
    n_bins = max((len(one.edges) for one in found), default=0) + 3
    return Binned(tuple(found), np.stack(codes, axis=1), np.stack(values, axis=1), n_bins)


def _readings(name: str, values: Column) -> list[tuple[str | None, Floats]]:
    """A number as it is, a category as a yes or no for each of its values."""
    if name not in CATEGORIES:
        return [(None, values.astype(np.float64))]
    undefined = np.array([value is None for value in values], np.bool_)
    return [
        (one, np.where(undefined, np.nan, (values == one).astype(np.float64)))
        for one in CATEGORIES[name]
    ]


def _edges(known: Floats) -> Floats:
    """Thresholds at quantiles, each a value that occurs and the largest not among them."""
    if not known.size:
        return np.zeros(0)
    quantiles = np.quantile(known, np.linspace(0, 1, N_BINS + 1)[1:-1], method="lower")
    edges = np.unique(quantiles)
    return np.asarray(edges[edges < known.max()])
