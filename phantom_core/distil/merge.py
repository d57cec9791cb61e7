"""Merge: the sum of several trees as one tree, without unreachable branches."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from phantom_core.distil.tree import Leaf, SplitNode
from phantom_core.features.catalogue import CATEGORIES
from phantom_core.rules.condition import Condition
from phantom_core.rules.evaluate import Column, condition_holds

_ANY_OTHER: Final = "any other"
# The same few conditions recur below different branches.
_CACHE_SIZE: Final = 4_096


def merge_trees(trees: Sequence[Leaf | SplitNode]) -> Leaf | SplitNode:
    """Add trees up: each is appended to every leaf of those before it.

    Args:
        trees: at least one; their leaves hold summands.
    Returns:
        A tree whose leaves hold the sums; it returns the sum for every session.
    """
    whole = trees[0]
    for tree in trees[1:]:
        whole = _onto(whole, tree, ())
    return whole


def is_possible(conditions: Sequence[Condition]) -> bool:
    """Whether any session can fulfil all conditions.

    >>> up_to = Condition("item_views", "<=", 3.0)
    >>> above = Condition("item_views", ">", 3.0, when_undefined=True)
    >>> is_possible([up_to]), is_possible([up_to, above])
    (True, False)
    """
    return all(_can_follow(condition, conditions) for condition in conditions)


def _onto(
    node: Leaf | SplitNode, tree: Leaf | SplitNode, before: tuple[Condition, ...]
) -> Leaf | SplitNode:
    if isinstance(node, SplitNode):
        yes, no = (
            _onto(node.yes, tree, (*before, node.condition)),
            _onto(node.no, tree, (*before, node.opposite)),
        )
        return SplitNode(node.condition, node.opposite, yes, no)
    return _raised(tree, node.markup_ratio, before)


def _raised(tree: Leaf | SplitNode, by: float, before: tuple[Condition, ...]) -> Leaf | SplitNode:
    """A tree with a summand on every leaf, without branches unreachable after `before`."""
    if isinstance(tree, Leaf):
        return Leaf(tree.markup_ratio + by)
    if not _can_follow(tree.condition, before):
        return _raised(tree.no, by, before)
    if not _can_follow(tree.opposite, before):
        return _raised(tree.yes, by, before)
    yes, no = (
        _raised(tree.yes, by, (*before, tree.condition)),
        _raised(tree.no, by, (*before, tree.opposite)),
    )
    return SplitNode(tree.condition, tree.opposite, yes, no)


def _can_follow(condition: Condition, before: Sequence[Condition]) -> bool:
    """Whether a condition is compatible with others, of which only its feature's matter."""
    return _is_possible(
        (*[other for other in before if other.feature == condition.feature], condition)
    )


@lru_cache(maxsize=_CACHE_SIZE)
def _is_possible(conditions: tuple[Condition, ...]) -> bool:
    """Whether one value fulfils all conditions on a feature, tried at and around thresholds."""
    tried = _values(conditions)
    return bool(
        np.logical_and.reduce([condition_holds(condition, tried) for condition in conditions]).any()
    )


def _values(conditions: Sequence[Condition]) -> Column:
    if conditions[0].feature in CATEGORIES:
        texts = np.empty(len(CATEGORIES[conditions[0].feature]) + 2, dtype=np.object_)
        texts[:] = [*CATEGORIES[conditions[0].feature], _ANY_OTHER, None]
        return texts
    thresholds = np.array(
        [condition.threshold for condition in conditions if isinstance(condition.threshold, float)]
    )
    return np.array(
        [
            np.nan,
            0.0,
            *thresholds,
            *np.nextafter(thresholds, np.inf),
            *np.nextafter(thresholds, -np.inf),
        ]
    )
