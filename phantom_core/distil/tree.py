"""Trees: conditions that lead to mark-ups, with figures of the sessions in each leaf."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from phantom_core.rules.condition import Condition
from phantom_core.rules.evaluate import Column, condition_holds

NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Leaf:
    """Sessions that get the same mark-up.

    Attributes:
        markup_ratio: price over base price.
        n_sessions: labelled sessions that end here, count.
        n_agents: agents among them, count.
        human_value: what humans among them bought, at base prices, currency.
        agent_value: what agents among them bought, at base prices, currency.
    """

    markup_ratio: float
    n_sessions: int = 0
    n_agents: int = 0
    human_value: float = 0.0
    agent_value: float = 0.0
    kind: Literal["leaf"] = "leaf"


@dataclass(frozen=True, slots=True)
class SplitNode:
    """One split.

    Attributes:
        condition: leads to `yes` where it holds.
        opposite: leads to `no` where it holds. Where a feature that is always defined is undefined
            all the same, neither holds.
        yes: subtree where `condition` holds.
        no: subtree where `opposite` holds.
    """

    condition: Condition
    opposite: Condition
    yes: "Node"
    no: "Node"
    kind: Literal["split"] = "split"


Node = Annotated[Leaf | SplitNode, Field(discriminator="kind")]


def tree_leaves(node: Leaf | SplitNode) -> tuple[Leaf, ...]:
    """All leaves, from left to right."""
    return (node,) if isinstance(node, Leaf) else (*tree_leaves(node.yes), *tree_leaves(node.no))


def tree_depth(node: Leaf | SplitNode) -> int:
    """Most splits on any path."""
    return 0 if isinstance(node, Leaf) else 1 + max(tree_depth(node.yes), tree_depth(node.no))


def tree_paths(
    node: Leaf | SplitNode, before: tuple[Condition, ...] = ()
) -> Iterator[tuple[tuple[Condition, ...], Leaf]]:
    """Every leaf with the conditions that lead to it, in the order of `tree_leaves`."""
    if isinstance(node, Leaf):
        yield before, node
    else:
        yield from tree_paths(node.yes, (*before, node.condition))
        yield from tree_paths(node.no, (*before, node.opposite))


def tree_features(node: Leaf | SplitNode) -> tuple[str, ...]:
    """Features that the tree reads, each once."""
    return tuple(
        dict.fromkeys(
            condition.feature for conditions, _ in tree_paths(node) for condition in conditions
        )
    )


def default_leaf(node: Leaf | SplitNode) -> int:
    """Leaf of a session that fits nowhere: the lowest mark-up, of several the largest leaf."""
    found = tree_leaves(node)
    return min(range(len(found)), key=lambda i: (found[i].markup_ratio, -found[i].n_sessions))


def leaf_of(
    node: Leaf | SplitNode, columns: Mapping[str, Column], n_rows: int
) -> NDArray[np.int64]:
    """Position of each row's leaf.

    Args:
        node: the root.
        columns: values by feature, shape (n_rows,): numbers with NaN where undefined, or texts with
            None.
        n_rows: how many rows there are.
    """
    found = np.full(n_rows, NOWHERE, np.int64)
    _send(node, columns, np.arange(n_rows), 0, found)
    found[found == NOWHERE] = default_leaf(node)
    return found


def markup_of(
    node: Leaf | SplitNode, columns: Mapping[str, Column], n_rows: int
) -> NDArray[np.float64]:
    """Price over base price of each row; arguments as in `leaf_of`."""
    return np.array([leaf.markup_ratio for leaf in tree_leaves(node)])[
        leaf_of(node, columns, n_rows)
    ]


def _send(
    node: Leaf | SplitNode,
    columns: Mapping[str, Column],
    rows: NDArray[np.int64],
    first: int,
    found: NDArray[np.int64],
) -> int:
    """Set the leaf of some rows; returns the position after the last leaf of this node."""
    if isinstance(node, Leaf):
        found[rows] = first
        return first + 1
    values = columns[node.condition.feature][rows]
    after_yes = _send(
        node.yes, columns, rows[condition_holds(node.condition, values)], first, found
    )
    return _send(node.no, columns, rows[condition_holds(node.opposite, values)], after_yes, found)
