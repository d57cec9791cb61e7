"""Dot: a tree as a Graphviz drawing from left to right, with the path of one session."""

from typing import Final

from phantom_core.distil.tree import Leaf, SplitNode, tree_leaves
from phantom_core.rules.condition import Condition

_LOW: Final = (0xDC, 0xE9, 0xF5)
_HIGH: Final = (0xF6, 0xC9, 0xA3)
# Leaves from this mark-up on have the full colour.
_DARKEST_FROM: Final = 1.5
_PATH_COLOUR: Final = "#0f9488"
_HEAD: Final = (
    'digraph tree { rankdir=LR; nodesep=0.12; ranksep=0.45; bgcolor="transparent";\n'
    'node [shape=box, style="rounded,filled", fillcolor="#ffffff", color="#8b949b", '
    'fontcolor="#1d2428", '
    'fontname="Helvetica,Arial,sans-serif", fontsize=11, margin="0.12,0.05"];\n'
    'edge [color="#8b949b", fontcolor="#5c666d", fontname="Helvetica,Arial,sans-serif", '
    "fontsize=10, arrowsize=0.6];\n"
)


def tree_dot(root: Leaf | SplitNode, leaf: int | None = None) -> str:
    """Draw a tree.

    Args:
        root: the tree.
        leaf: position of the leaf whose path is highlighted; None for no path.
    Returns:
        Text in the DOT language.
    """
    lines: list[str] = []
    _add(root, 0, leaf, lines)
    return _HEAD + "\n".join(lines) + "\n}\n"


def condition_text(condition: Condition) -> str:
    """A condition in words.

    >>> condition_text(Condition("item_views", "<=", 7.0))
    'item views ≤ 7'
    >>> condition_text(Condition("avg_price_seen", ">", 12.5, when_undefined=True))
    'avg price seen > 12.5 or undefined'
    """
    name = condition.feature.replace("_", " ")
    if condition.threshold is None:
        return f"{name} is undefined"
    operator = {"<=": "≤", ">=": "≥", "!=": "≠"}.get(condition.operator, condition.operator)
    threshold = (
        condition.threshold
        if isinstance(condition.threshold, str)
        else f"{condition.threshold:.12g}"
    )
    return (
        f"{name} {operator} "
        f"{threshold or 'nothing'}{' or undefined' if condition.when_undefined else ''}"
    )


def _add(node: Leaf | SplitNode, first: int, leaf: int | None, lines: list[str]) -> str:
    """Write a node and its subtree, whose first leaf is at `first`; returns the node's name."""
    n_leaves, number = len(tree_leaves(node)), len(lines)
    name, is_on_path = f"n{number}", leaf is not None and first <= leaf < first + n_leaves
    pen = f', color="{_PATH_COLOUR}", penwidth=2.5' if is_on_path else ""
    if isinstance(node, Leaf):
        lines.append(
            f'{name} [label="{_leaf_text(node)}", fillcolor="{_fill(node.markup_ratio)}"{pen}];'
        )
        return name
    lines.append(f'{name} [label="{_split_text(node.condition)}"{pen}];')
    for branch, answer, start in (
        (node.yes, "yes", first),
        (node.no, "no", first + len(tree_leaves(node.yes))),
    ):
        child = _add(branch, start, leaf, lines)
        taken = leaf is not None and start <= leaf < start + len(tree_leaves(branch))
        style = f', color="{_PATH_COLOUR}", penwidth=2.5' if taken else ""
        lines.append(f'{name} -> {child} [label="{answer}"{style}];')
    return name


def _split_text(condition: Condition) -> str:
    """A condition in two lines, so that the tree stays narrow."""
    name = condition.feature.replace("_", " ")
    return f"{name}\\n{condition_text(condition).removeprefix(name).strip()}?"


def _leaf_text(leaf: Leaf) -> str:
    if not leaf.n_sessions:
        return f"×{leaf.markup_ratio:.2f}  no labelled session"
    share = leaf.n_agents / leaf.n_sessions
    first = f"×{leaf.markup_ratio:.2f}   {leaf.n_sessions:,} sessions"
    second = f"{1 - share:.0%} human, bought {leaf.human_value:,.0f}"
    return f"{first}\\n{second}\\n{share:.0%} agent, bought {leaf.agent_value:,.0f}"


def _fill(markup_ratio: float) -> str:
    part = min(1.0, max(0.0, (markup_ratio - 1) / (_DARKEST_FROM - 1)))
    red, green, blue = (
        round(low + part * (high - low)) for low, high in zip(_LOW, _HIGH, strict=True)
    )
    return f"#{red:02x}{green:02x}{blue:02x}"
