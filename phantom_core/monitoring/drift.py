"""Drift: how far a feature's distribution moved from one period to another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from phantom_core.core.errors import DataError
from phantom_core.features.catalogue import CATEGORIES
from phantom_core.models.encoding import encode_features

Reading = Literal["stable", "some shift", "large shift", "too few sessions to tell"]
N_BINS: Final = 10
# Siddiqi 2006, Credit risk scorecards: below 0.10 no change, above 0.25 a changed population.
SOME_SHIFT: Final = 0.10
LARGE_SHIFT: Final = 0.25


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """How far one feature moved.

    Attributes:
        name: the feature.
        psi: population stability index, from 0.
        psi_of_chance: what samples of this size show on average when nothing moved.
        reading: the figure in words.
    """

    name: str
    psi: float
    psi_of_chance: float
    reading: Reading


def measure_drift(
    before: pa.Table, after: pa.Table, names: Sequence[str]
) -> tuple[FeatureDrift, ...]:
    """Compare two periods, feature by feature.

    Args:
        before: sessions of the earlier period, with the columns `names`.
        after: sessions of the later one.
        names: features to compare.
    Returns:
        One row per feature, the one that moved furthest first.
    Raises:
        DataError: a period has no session.
    """
    if not before.num_rows or not after.num_rows:
        empty = "earlier" if not before.num_rows else "later"
        raise DataError(
            f"The {empty} period has no session.",
            hint="Choose periods in which there were sessions.",
        )
    columns = zip(
        names, encode_features(before, names).T, encode_features(after, names).T, strict=True
    )
    rows = [_feature_drift(name, old, new) for name, old, new in columns]
    return tuple(
        sorted(rows, key=lambda row: (row.reading == "too few sessions to tell", -row.psi))
    )


def population_stability_index(expected: NDArray[np.int64], observed: NDArray[np.int64]) -> float:
    """Population stability index of two histograms; half a session is added to each bin.

    Args:
        expected: counts before, shape (n_bins,).
        observed: counts after, shape (n_bins,).
    Source: Lin 2017, Examining distributional shifts by using population stability index.

    >>> population_stability_index(np.array([50, 50]), np.array([50, 50]))
    0.0
    """
    old, new = ((counts + 0.5) / (counts + 0.5).sum() for counts in (expected, observed))
    return float(((new - old) * np.log(new / old)).sum())


def _feature_drift(name: str, old: NDArray[np.float32], new: NDArray[np.float32]) -> FeatureDrift:
    edges = np.arange(len(CATEGORIES[name]) + 1) - 0.5 if name in CATEGORIES else _edges(old)
    counts_old, counts_new = _counts(old, edges), _counts(new, edges)
    value = population_stability_index(counts_old, counts_new)
    n_used = int(((counts_old + counts_new) > 0).sum())
    # Yurdakul 2018: without any change PSI is about (bins − 1)(1/n + 1/m) on average.
    chance = max(0, n_used - 1) * (1 / len(old) + 1 / len(new))
    return FeatureDrift(name, value, chance, _reading(value, chance))


def _edges(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Inner edges of bins with about equal shares of the earlier sessions, upper edges included.

    A value that fills a bin, and each of a few values, has a bin to itself: otherwise a move from
    it to lower values would be missed.
    """
    known = values[~np.isnan(values)]
    distinct = np.unique(known)
    if len(distinct) <= N_BINS:
        return _with_lower(distinct, distinct)
    inner, times = np.unique(
        np.quantile(known, np.linspace(0, 1, N_BINS + 1)[1:-1], method="lower"), return_counts=True
    )
    return _with_lower(inner, inner[(times > 1) | (inner == distinct[0])])


def _with_lower(edges: NDArray[np.float32], alone: NDArray[np.float32]) -> NDArray[np.float32]:
    """The edges, and one more right below each value that has its own bin."""
    return np.union1d(edges, np.nextafter(alone, np.float32(-np.inf)))


def _counts(values: NDArray[np.float32], edges: NDArray[np.float32]) -> NDArray[np.int64]:
    """Sessions per bin; the last bin holds those for which the feature is undefined."""
    unknown = np.isnan(values)
    return np.append(
        np.bincount(
            np.searchsorted(edges, values[~unknown], side="left"), minlength=len(edges) + 1
        ),
        unknown.sum(),
    )


def _reading(value: float, chance: float) -> Reading:
    if chance > SOME_SHIFT:
        return "too few sessions to tell"
    if value < SOME_SHIFT:
        return "stable"
    return "some shift" if value < LARGE_SHIFT else "large shift"
