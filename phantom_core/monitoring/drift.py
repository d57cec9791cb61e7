"""Drift: how far a feature's distribution moved from one period to another.

The population stability index of two samples is above 0 by chance alone, the more so the smaller
they are and the more sessions an actor has. So it is held against what it is when whole actors are
dealt to the two periods at random.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.errors import DataError
from phantom_core.features.catalogue import CATEGORIES
from phantom_core.models.encoding import encode_features
from phantom_core.models.splits import actor_codes
from phantom_core.monitoring.permutations import Units, chance_of, make_units, permuted_counts

Reading = Literal[
    "stable", "some shift", "large shift", "within chance", "too few sessions to tell"
]
N_BINS: Final = 10
# Siddiqi 2006, Credit risk scorecards: below 0.10 no change, above 0.25 a changed population.
SOME_SHIFT: Final = 0.10
LARGE_SHIFT: Final = 0.25
LEAST_SESSIONS: Final = 50
# Probability by which a shift is called one though nothing moved, over all features together.
LEVEL: Final = 0.01
_SEED: Final = 20_261
_FIRST_LOOK: Final = 200


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """How far one feature moved.

    Attributes:
        name: the feature.
        psi: population stability index, from 0.
        psi_of_chance: what samples of this size show on average when nothing moved.
        reading: the figure in words.
        p_value: probability that some feature moves as far, for its chance, when nothing moved.
    """

    name: str
    psi: float
    psi_of_chance: float
    reading: Reading
    p_value: float = 1.0


def measure_drift(
    before: pa.Table, after: pa.Table, names: Sequence[str], *, level: float = LEVEL
) -> tuple[FeatureDrift, ...]:
    """Compare two periods, feature by feature.

    Args:
        before: sessions of the earlier period, with the columns `names`, and session_id and
            experiment_id where sessions belong to actors.
        after: sessions of the later one.
        names: features to compare.
        level: probability of ever calling a shift one where nothing moved, over all features.
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
    codes = [_codes(name, old, new) for name, old, new in columns]
    units = make_units(codes, _actors(before), _actors(after), np.random.default_rng(_SEED))
    is_enough = min(before.num_rows, after.num_rows) >= LEAST_SESSIONS
    rows = _rows(names, units, level, is_enough=is_enough)
    return tuple(sorted(rows, key=lambda row: (row.p_value >= level, -row.psi)))


def population_stability_index(expected: Ints | Floats, observed: Ints | Floats) -> Floats:
    """Population stability index of histograms; equal shares give 0.

    A bin that is empty on both sides counts nothing; in the others half a session of the smaller
    sample is added to both sides, as a share.

    Args:
        expected: counts before, shape (…, n_bins).
        observed: counts after, shape (…, n_bins).
    Source: Lin 2017, Examining distributional shifts by using population stability index.

    >>> population_stability_index(np.array([50, 50]), np.array([5, 5]))
    array(0.)
    """
    sizes = [np.maximum(one.sum(axis=-1, keepdims=True), 1) for one in (expected, observed)]
    used = (expected + observed) > 0
    added = 0.5 / np.minimum(*sizes)
    total = 1.0 + added * used.sum(axis=-1, keepdims=True)
    old, new = (
        (one / size + added) / total for one, size in zip((expected, observed), sizes, strict=True)
    )
    return np.asarray(np.where(used, (new - old) * np.log(new / old), 0.0).sum(axis=-1))


def _rows(
    names: Sequence[str], units: Units, level: float, *, is_enough: bool
) -> list[FeatureDrift]:
    rng = np.random.default_rng(_SEED)
    observed = _by_feature(units, units.before, units.after)
    first = _permuted(units, _FIRST_LOOK, rng)
    chance = first.mean(axis=0)
    p_value = chance_of(observed, chance, first)
    if is_enough and observed.max(initial=0.0) >= SOME_SHIFT:
        # As many as it takes to see a chance as small as the level.
        p_value = chance_of(observed, chance, _permuted(units, int(4 / level), rng))
    return [
        FeatureDrift(
            name,
            float(observed[k]),
            float(chance[k]),
            _reading(float(observed[k]), float(p_value[k]), level, is_enough=is_enough),
            float(p_value[k]) if is_enough else 1.0,
        )
        for k, name in enumerate(names)
    ]


def _permuted(units: Units, n: int, rng: np.random.Generator) -> Floats:
    """Index of each feature in each permutation, shape (n, n_features)."""
    return np.concatenate(
        [_by_feature(units, *counts) for counts in permuted_counts(units, n, rng)]
    )


def _by_feature(units: Units, before: Floats, after: Floats) -> Floats:
    """Index of each feature, shape (…, n_features)."""
    found = [
        population_stability_index(before[..., start:end], after[..., start:end])
        for start, end in units.spans
    ]
    return np.stack(found, axis=-1)


def _codes(name: str, old: NDArray[np.float32], new: NDArray[np.float32]) -> tuple[Ints, Ints]:
    """Bin of each session, earlier and later; both periods together make the bins."""
    both = np.concatenate([old, new])
    edges = np.arange(len(CATEGORIES[name]) + 1) - 0.5 if name in CATEGORIES else _edges(both)
    found = _bins(both, np.asarray(edges, np.float32))
    return found[: old.size], found[old.size :]


def _edges(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Inner edges of bins with about equal shares of the sessions, upper edges included.

    A value that fills half a bin, and each of a few values, has a bin to itself: otherwise a move
    from it to lower values would be missed.
    """
    known = values[~np.isnan(values)]
    distinct, times = np.unique(known, return_counts=True)
    if len(distinct) <= N_BINS:
        return _with_lower(distinct, distinct)
    inner = np.quantile(known, np.linspace(0, 1, N_BINS + 1)[1:-1], method="lower")
    alone = distinct[2 * N_BINS * times >= known.size]
    return _with_lower(np.union1d(inner, alone), alone)


def _with_lower(edges: NDArray[np.float32], alone: NDArray[np.float32]) -> NDArray[np.float32]:
    """The edges, and one more right below each value that has its own bin."""
    return np.union1d(edges, np.nextafter(alone, np.float32(-np.inf)))


def _bins(values: NDArray[np.float32], edges: NDArray[np.float32]) -> Ints:
    """Bin of each session; the last one is of those for which the feature is undefined."""
    return np.where(
        np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="left")
    ).astype(np.int64)


def _actors(sessions: pa.Table) -> Ints:
    """Actor of each session; each stands alone where none is named."""
    if {"session_id", "experiment_id"} <= set(sessions.column_names):
        return actor_codes(sessions)
    return np.arange(sessions.num_rows)


def _reading(value: float, p_value: float, level: float, *, is_enough: bool) -> Reading:
    if not is_enough:
        return "too few sessions to tell"
    if value < SOME_SHIFT:
        return "stable"
    if p_value > level:
        return "within chance"
    return "some shift" if value < LARGE_SHIFT else "large shift"
