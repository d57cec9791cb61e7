"""Graft: the sum of several trees as one tree, without branches that no session can reach."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from phantom_core.distil.tree import Leaf, SplitNode
from phantom_core.features.catalogue import CATEGORIES
from phantom_core.rules.condition import Condition
from phantom_core.rules.evaluate import Column, condition_holds

_ANY_OTHER: Final = "any other"
# The same few conditions meet again and again below different branches.
_REMEMBERED: Final = 4_096


def merge_trees(trees: Sequence[Leaf | SplitNode]) -> Leaf | SplitNode:
    """Add trees up: each is set upon every leaf of those before it.

    Args:
        trees: at least one; their leaves hold summands.
    Returns:
        A tree whose leaves hold the sums; it answers as the sum does, whatever is asked.
    """
    whole = trees[0]
    for tree in trees[1:]:
        whole = _onto(whole, tree, ())
    return whole


def is_possible(conditions: Sequence[Condition]) -> bool:
    """Whether any session can fulfil all of them.

    >>> up_to, above = Condition("item_views", "<=", 3.0), Condition("item_views", ">", 3.0, when_undefined=True)
    >>> is_possible([up_to]), is_possible([up_to, above]), is_possible([above, Condition("item_views", ">", 9.0)])
    (True, False, True)
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
    """A tree with something added to every leaf, as far as it can be reached after some
    conditions.
    """
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
    """Whether a condition can hold after others that can hold together; only those on its own
    feature matter.
    """
    return _is_possible(
        (*[other for other in before if other.feature == condition.feature], condition)
    )


@lru_cache(maxsize=_REMEMBERED)
def _is_possible(conditions: tuple[Condition, ...]) -> bool:
    """Whether one value fulfils all conditions on one feature; only values at and around thresholds
    need to be tried.
    """
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
