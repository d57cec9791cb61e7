"""Prune: fewer leaves, those whose merging costs least first."""

from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.policy_learning.search import PriceLeaf, PriceSplit, Search

_Path = tuple[bool, ...]


def count_leaves(node: PriceLeaf | PriceSplit) -> int:
    """Leaves of a tree."""
    if isinstance(node, PriceLeaf):
        return 1
    return count_leaves(node.left) + count_leaves(node.right)


def prune_tree(
    node: PriceLeaf | PriceSplit, search: Search, most_leaves: int
) -> PriceLeaf | PriceSplit:
    """Merge neighbouring leaves until there are few enough.

    Args:
        node: a tree of the search.
        search: tells what prices are worth.
        most_leaves: at least 1.
    """
    rows = np.arange(len(search.numbers))
    while count_leaves(node) > most_leaves:
        _, path, leaf = min(_merges(node, search, rows, ()), key=lambda one: one[0])
        node = _replaced(node, path, leaf)
    return node


def _merges(
    node: PriceLeaf | PriceSplit, search: Search, rows: NDArray[np.int64], path: _Path
) -> list[tuple[float, _Path, PriceLeaf]]:
    """Cost and place of merging each pair of neighbouring leaves."""
    if isinstance(node, PriceLeaf):
        return []
    is_left = search.binned.codes[rows, node.column] <= node.last_bin
    sides = (rows[is_left], rows[~is_left])
    if isinstance(node.left, PriceLeaf) and isinstance(node.right, PriceLeaf):
        left, right = (_worth(search, side) for side in sides)
        low, high = sorted((node.left.price, node.right.price))
        together = (left + right)[low : high + 1]
        cost = left[node.left.price] + right[node.right.price] - together.max()
        return [(float(cost), path, PriceLeaf(low + int(together.argmax())))]
    return [
        *_merges(node.left, search, sides[0], (*path, True)),
        *_merges(node.right, search, sides[1], (*path, False)),
    ]


def _worth(search: Search, rows: NDArray[np.int64]) -> Floats:
    """Worth of some quotes at each price."""
    return np.asarray(search.numbers[rows].sum(axis=0) @ search.worth)


def _replaced(node: PriceLeaf | PriceSplit, path: _Path, leaf: PriceLeaf) -> PriceLeaf | PriceSplit:
    if not path:
        return leaf
    split = cast(PriceSplit, node)
    if path[0]:
        return replace(split, left=_replaced(split.left, path[1:], leaf))
    return replace(split, right=_replaced(split.right, path[1:], leaf))
