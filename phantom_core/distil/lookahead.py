"""Lookahead: a tree whose first splits are chosen by the error of the trees below them.

A greedy tree makes the split with the largest immediate gain first, such as timing, and misses two
splits that only gain together. Here every candidate for one of the first two levels is tried with
a greedy tree on either side.
Source: Esmeir and Markovitch 2007, Anytime learning of decision trees, for choosing splits by the
trees below them.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.distil.raw_split import RawSplit, fit_cart, goes_left, raw_splits

LEVELS: Final = 2
# Of each column's quantiles, the thresholds with the largest immediate gain are tried.
_QUANTILES: Final = 32
_CANDIDATES_A_COLUMN: Final = 2
_Candidate = tuple[int, float, bool]


def grow_lookahead(
    values: Floats, markup: Floats, depth: int, leaf_sessions: int, seed: int, levels: int = LEVELS
) -> RawSplit | float:
    """Grow the tree; arguments as of `fit_cart`.

    Args:
        values: NaN where undefined, shape (n_sessions, n_columns).
        markup: shape (n_sessions,).
        depth: most splits on a path, at least 1.
        leaf_sessions: fewest sessions in a leaf.
        seed: of the greedy trees.
        levels: how many of the first levels use lookahead.
    """
    if depth <= 1 or not levels or len(markup) < 2 * leaf_sessions:
        return (
            raw_splits(fit_cart(values, markup, depth, leaf_sessions, seed))
            if depth
            else float(markup.mean())
        )
    best, found = np.inf, None
    for candidate in _candidates(values, markup, leaf_sessions):
        left = goes_left(values[:, candidate[0]], candidate[1], undefined_left=candidate[2])
        error = sum(
            _error(values[part], markup[part], depth - 1, leaf_sessions, seed)
            for part in (left, ~left)
        )
        if error < best:
            best, found = error, candidate
    if found is None:
        return float(markup.mean())
    left = goes_left(values[:, found[0]], found[1], undefined_left=found[2])
    sides = [
        grow_lookahead(values[part], markup[part], depth - 1, leaf_sessions, seed, levels - 1)
        for part in (left, ~left)
    ]
    return RawSplit(*found, sides[0], sides[1])


def _error(values: Floats, markup: Floats, depth: int, leaf_sessions: int, seed: int) -> float:
    """Residual sum of squares of a greedy tree."""
    tree = fit_cart(values, markup, depth, leaf_sessions, seed).tree_
    is_leaf = tree.children_left < 0
    return float((tree.impurity[is_leaf] * tree.n_node_samples[is_leaf]).sum())


def _candidates(values: Floats, markup: Floats, leaf_sessions: int) -> Iterator[_Candidate]:
    """Candidates: of every column the few splits with the largest immediate gain."""
    for column in range(values.shape[1]):
        known = values[~np.isnan(values[:, column]), column]
        if not known.size:
            continue
        thresholds = np.unique(
            np.quantile(known, np.linspace(0, 1, _QUANTILES + 1)[:-1], method="lower")
        )
        sides = [True, False] if known.size < len(values) else [True]
        scored = [
            (
                _gain(
                    markup, goes_left(values[:, column], one, undefined_left=side), leaf_sessions
                ),
                float(one),
                side,
            )
            for one in thresholds
            for side in sides
        ]
        for gain, threshold, side in sorted(scored, reverse=True)[:_CANDIDATES_A_COLUMN]:
            if gain > 0:
                yield column, threshold, side


def _gain(markup: Floats, left: NDArray[np.bool_], leaf_sessions: int) -> float:
    """Sum of squares between two sides; 0 where one is too small."""
    n_left = int(left.sum())
    n_right = len(markup) - n_left
    if min(n_left, n_right) < leaf_sessions:
        return 0.0
    return float((markup[left].mean() - markup[~left].mean()) ** 2 * n_left * n_right / len(markup))
