"""Money tree: a searched tree as conditions on features, as rules read them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.distil.split import make_split
from phantom_core.distil.tree import Leaf, SplitNode
from phantom_core.policy_learning.bins import Binned
from phantom_core.policy_learning.quote_sample import QuoteSample
from phantom_core.policy_learning.rounding import merge_equal
from phantom_core.policy_learning.search import PriceLeaf, PriceSplit
from phantom_core.rules.evaluate import Column, condition_holds


def condition_tree(
    node: PriceLeaf | PriceSplit, binned: Binned, columns: Mapping[str, Column], ratios: Floats
) -> Leaf | SplitNode:
    """Write a searched tree as conditions with short thresholds.

    Args:
        node: the tree.
        binned: features of the quotes it was grown from.
        columns: the same features as rules read them.
        ratios: candidate prices over base price.
    Returns:
        The same tree over features, without splits whose sides ask one price; leaves have no
        figures yet.
    """
    return merge_equal(_conditions(node, binned, columns, ratios, np.arange(len(binned.codes))))


def _conditions(
    node: PriceLeaf | PriceSplit,
    binned: Binned,
    columns: Mapping[str, Column],
    ratios: Floats,
    rows: NDArray[np.int64],
) -> Leaf | SplitNode:
    if isinstance(node, PriceLeaf):
        return Leaf(float(ratios[node.price]))
    column = binned.columns[node.column]
    values = binned.values[rows, node.column]
    is_left = binned.codes[rows, node.column] <= node.last_bin
    is_defined = ~np.isnan(values)
    undefined_left = column.undefined_left
    if not np.isnan(binned.values[:, node.column]).any():
        # Unknown is priced like the lower side of what prices rise with, else like most.
        undefined_left = column.rises or bool(2 * is_left.sum() >= rows.size)
    split = make_split(
        column.feature,
        column.category,
        values[is_left & is_defined],
        values[~is_left & is_defined],
        column.edges[min(max(node.last_bin - 1, 0), len(column.edges) - 1)],
        undefined_left,
        at_quote=True,
    )
    own = columns[column.feature][rows]
    yes = rows[condition_holds(split.condition, own)]
    no = rows[condition_holds(split.opposite, own)]
    sides = (node.left, node.right) if split.left_is_yes else (node.right, node.left)
    return SplitNode(
        split.condition,
        split.opposite,
        _conditions(sides[0], binned, columns, ratios, yes),
        _conditions(sides[1], binned, columns, ratios, no),
    )


def with_figures(
    node: Leaf | SplitNode, sample: QuoteSample, rows: NDArray[np.int64] | None = None
) -> Leaf | SplitNode:
    """The tree with what each leaf prices: quotes, those to agents, and what went to the cart.

    Args:
        node: the tree.
        sample: the quotes; values are of what went to the cart, at base prices.
        rows: of the quotes; None means all.
    """
    own = np.arange(len(sample)) if rows is None else rows
    if isinstance(node, Leaf):
        p_agent = sample.p_agent[own]
        value = sample.base_price[own] * sample.in_cart[own]
        return Leaf(
            node.markup_ratio,
            own.size,
            round(float(p_agent.sum())),
            float(((1.0 - p_agent) * value).sum()),
            float((p_agent * value).sum()),
        )
    values = sample.columns[node.condition.feature][own]
    return SplitNode(
        node.condition,
        node.opposite,
        with_figures(node.yes, sample, own[condition_holds(node.condition, values)]),
        with_figures(node.no, sample, own[condition_holds(node.opposite, values)]),
    )
