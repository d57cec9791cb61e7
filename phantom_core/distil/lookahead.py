"""Ahead: a tree whose first questions are chosen by what the trees below them reach, not by what
they part at once.

A greedy tree asks first what parts mark-ups best; timing, say. That two questions together part
more than either alone it finds out too late. Here every candidate for one of the first two levels
is tried with a greedy tree on either side.
Source: Esmeir and Markovitch 2007, Anytime learning of decision trees, for choosing splits by the
trees below them.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.distil.raw_split import RawSplit, cuts_of, fit_cart, goes_left

LEVELS: Final = 2
# Of each column the thresholds that part mark-ups best at once are tried, out of so many quantiles.
_QUANTILES: Final = 32
_KEPT: Final = 2
_Question = tuple[int, float, bool]


def ahead_cuts(
    values: Floats, markup: Floats, depth: int, leaf_sessions: int, seed: int, levels: int = LEVELS
) -> RawSplit | float:
    """Grow the tree; arguments as of `fit_cart`.

    Args:
        values: NaN where undefined, shape (n_sessions, n_columns).
        markup: shape (n_sessions,).
        depth: most questions on a path, at least 1.
        leaf_sessions: fewest sessions in a leaf.
        seed: of the greedy trees.
        levels: how many of the first levels look ahead.
    """
    if depth <= 1 or not levels or len(markup) < 2 * leaf_sessions:
        return (
            cuts_of(fit_cart(values, markup, depth, leaf_sessions, seed))
            if depth
            else float(markup.mean())
        )
    best, found = np.inf, None
    for question in _questions(values, markup, leaf_sessions):
        left = goes_left(values[:, question[0]], question[1], undefined_left=question[2])
        error = sum(
            _error(values[part], markup[part], depth - 1, leaf_sessions, seed)
            for part in (left, ~left)
        )
        if error < best:
            best, found = error, question
    if found is None:
        return float(markup.mean())
    left = goes_left(values[:, found[0]], found[1], undefined_left=found[2])
    sides = [
        ahead_cuts(values[part], markup[part], depth - 1, leaf_sessions, seed, levels - 1)
        for part in (left, ~left)
    ]
    return RawSplit(*found, sides[0], sides[1])


def _error(values: Floats, markup: Floats, depth: int, leaf_sessions: int, seed: int) -> float:
    """Sum of squares that a greedy tree leaves."""
    tree = fit_cart(values, markup, depth, leaf_sessions, seed).tree_
    is_leaf = tree.children_left < 0
    return float((tree.impurity[is_leaf] * tree.n_node_samples[is_leaf]).sum())


def _questions(values: Floats, markup: Floats, leaf_sessions: int) -> Iterator[_Question]:
    """Candidates: of every column the few that part mark-ups best at once."""
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
                _parted(
                    markup, goes_left(values[:, column], one, undefined_left=side), leaf_sessions
                ),
                float(one),
                side,
            )
            for one in thresholds
            for side in sides
        ]
        for gain, threshold, side in sorted(scored, reverse=True)[:_KEPT]:
            if gain > 0:
                yield column, threshold, side


def _parted(markup: Floats, left: NDArray[np.bool_], leaf_sessions: int) -> float:
    """Sum of squares between two sides; 0 where one is too small."""
    n_left = int(left.sum())
    n_right = len(markup) - n_left
    if min(n_left, n_right) < leaf_sessions:
        return 0.0
    return float((markup[left].mean() - markup[~left].mean()) ** 2 * n_left * n_right / len(markup))
