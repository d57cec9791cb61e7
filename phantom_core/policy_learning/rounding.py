"""Rounding: simpler mark-ups and thresholds, as long as they change next to nothing.

A number is replaced by a rounder one where revenue, leakage and human purchases of the whole tree
all stay within half of the half-width of their intervals, in sum over all replacements.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from phantom_core.core.arrays import Floats
from phantom_core.distil.tree import Leaf, SplitNode, markup_of, tree_leaves
from phantom_core.policy_learning.payoff import Payoff
from phantom_core.policy_learning.policy_figures import Changes, relative_changes
from phantom_core.rules.condition import Condition
from phantom_core.rules.evaluate import Column

_TOLERATED: Final = 0.5
_MARKUP_STEPS: Final = (0.1, 0.05)
_Node = Leaf | SplitNode
_Path = tuple[bool, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Rounder:
    """Decides whether a tree still changes the same.

    Attributes:
        columns: features of the quotes.
        payoff: of the same quotes.
        original: changes of the tree as it was learned, on these quotes, shape (3,).
        tolerated: how far each of them may move, shape (3,).
        lowest, highest: between which mark-ups lie.
    """

    columns: Mapping[str, Column]
    payoff: Payoff
    original: Floats
    tolerated: Floats
    lowest: float
    highest: float

    @classmethod
    def of(
        cls,
        root: _Node,
        columns: Mapping[str, Column],
        payoff: Payoff,
        figures: Changes,
        within: tuple[float, float],
    ) -> "Rounder":
        """A rounder of one tree.

        Args:
            root: the tree.
            columns: features of the quotes.
            payoff: of the same quotes.
            figures: whose intervals bound what may move.
            within: lowest and highest mark-up.
        """
        intervals = (figures.revenue, figures.leakage, figures.human_conversion)
        half = np.array([(one.high - one.low) / 2 for one in intervals])
        start = cls(columns, payoff, np.zeros(3), _TOLERATED * half, *within)
        return replace(start, original=start.changes(root))

    def changes(self, root: _Node) -> Floats:
        """Changes against the base price on these quotes, shape (3,)."""
        n = len(self.payoff.numbers)
        ratio = markup_of(root, self.columns, n)
        own, base = (self.payoff.totals(self.payoff.position(one)) for one in (ratio, np.ones(n)))
        return relative_changes(own, base)

    def holds(self, root: _Node) -> bool:
        """Whether a tree changes the same as the original."""
        moved = np.abs(self.changes(root) - self.original)
        return bool((moved <= self.tolerated).all())

    def rounded(self, root: _Node) -> _Node:
        """The tree with rounder numbers; equal neighbours become one leaf."""
        for markup in sorted({leaf.markup_ratio for leaf in tree_leaves(root)}):
            root = next(filter(self._may_become(root), self._with_markup(root, markup)), root)
        for path, node in list(_splits(root)):
            root = next(filter(self.holds, _with_thresholds(root, path, node)), root)
        return merge_equal(root)

    def _may_become(self, before: _Node) -> Callable[[_Node], bool]:
        """Whether a tree changes the same, and no two mark-ups changed their order."""

        def may_become(after: _Node) -> bool:
            pairs = zip(_markups(before), _markups(after), strict=True)
            moved = [after_one for _, after_one in sorted(pairs)]
            return moved == sorted(moved) and self.holds(after)

        return may_become

    def _with_markup(self, root: _Node, markup: float) -> Iterator[_Node]:
        """The tree with a rounder number wherever it asks one mark-up, the roundest first."""
        for step in _MARKUP_STEPS:
            near = round(round(markup / step) * step, 2)
            if near != markup and self.lowest - 1e-9 <= near <= self.highest + 1e-9:
                yield _replaced_markup(root, markup, near)


def rounder_numbers(number: float) -> tuple[float, ...]:
    """Numbers near one with fewer digits, the roundest first.

    >>> rounder_numbers(0.437), rounder_numbers(14.0)
    ((0.4, 0.44), (10.0,))
    """
    if number == 0:
        return ()
    digits = -math.floor(math.log10(abs(number)))
    found = [round(number, digits + more) for more in range(3)]
    return tuple(dict.fromkeys(one for one in found if one != number))


def merge_equal(node: _Node) -> _Node:
    """The tree without splits whose sides ask one mark-up."""
    if isinstance(node, Leaf):
        return node
    yes, no = merge_equal(node.yes), merge_equal(node.no)
    if isinstance(yes, Leaf) and isinstance(no, Leaf) and yes.markup_ratio == no.markup_ratio:
        return yes
    return replace(node, yes=yes, no=no)


def _at(condition: Condition, threshold: float) -> Condition:
    return replace(condition, threshold=threshold)


def _markups(root: _Node) -> list[float]:
    return [leaf.markup_ratio for leaf in tree_leaves(root)]


def _replaced_markup(node: _Node, markup: float, near: float) -> _Node:
    if isinstance(node, Leaf):
        return replace(node, markup_ratio=near) if node.markup_ratio == markup else node
    return replace(
        node,
        yes=_replaced_markup(node.yes, markup, near),
        no=_replaced_markup(node.no, markup, near),
    )


def _splits(node: _Node, path: _Path = ()) -> Iterator[tuple[_Path, SplitNode]]:
    """Every split and where it stands, the lowest first."""
    if isinstance(node, SplitNode):
        yield from _splits(node.yes, (*path, True))
        yield from _splits(node.no, (*path, False))
        yield path, node


def _with_thresholds(root: _Node, path: _Path, node: SplitNode) -> Iterator[_Node]:
    """The tree with a rounder threshold at one split, the roundest first."""
    threshold = node.condition.threshold
    if isinstance(threshold, float) and node.condition.operator == "<=":
        for near in rounder_numbers(threshold):
            yield _with_threshold(root, path, near)


def _with_threshold(node: _Node, path: _Path, threshold: float) -> _Node:
    if isinstance(node, Leaf):
        return node
    if path:
        if path[0]:
            return replace(node, yes=_with_threshold(node.yes, path[1:], threshold))
        return replace(node, no=_with_threshold(node.no, path[1:], threshold))
    return replace(
        node, condition=_at(node.condition, threshold), opposite=_at(node.opposite, threshold)
    )
