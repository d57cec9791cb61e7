"""Grow: a regression tree, a shrunk one, or a sum of trees, from a teacher's mark-ups to conditions
people can read.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.core.errors import InputError
from phantom_core.core.registry import choose_named
from phantom_core.distil.lookahead import ahead_cuts
from phantom_core.distil.merge import merge_trees
from phantom_core.distil.raw_split import RawSplit, cuts_of, fit_cart
from phantom_core.distil.sample import DistillationSample
from phantom_core.distil.split import make_split
from phantom_core.distil.tree import Leaf, SplitNode
from phantom_core.features.catalogue import CATEGORIES
from phantom_core.models.encoding import LARGEST
from phantom_core.rules.evaluate import condition_holds

if TYPE_CHECKING:
    from imodels.tree.figs import Node as FigsNode

Method = Literal["tree", "ahead", "hstree", "figs"]
METHODS: Final[tuple[Method, ...]] = get_args(Method)
MAX_DEPTH: Final = 8
# A mark-up in whole percent is as fine as anybody prices.
MARKUP_DIGITS: Final = 2
# The weight of an ancestor's mean, in sessions; the paper's usual middle of its grid.
SHRINKAGE: Final = 10.0
# The sum of trees stays short enough to be read: as many questions in all as imodels asks by
# default.
FIGS_QUESTIONS: Final = 12


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to grow a tree.

    Attributes:
        method: "tree": CART; "ahead": a tree whose first two questions look at the trees below
            them; "hstree": CART with leaves drawn towards their ancestors; "figs": a sum of trees,
            grafted into one.
        depth: most questions on a path, from 1 to 8; with "figs" of each tree in the sum.
        leaf_sessions: fewest sessions in a leaf; "figs" does not know such a limit.
    Raises:
        InputError: a method that does not exist, or limits out of range.
    """

    method: Method = "tree"
    depth: int = 5
    leaf_sessions: int = 50

    def __post_init__(self) -> None:
        method_named(self.method)
        if not 1 <= self.depth <= MAX_DEPTH or self.leaf_sessions < 1:
            raise InputError(
                f"A tree of depth {self.depth} with {self.leaf_sessions} sessions in a leaf was "
                "asked for.",
                hint=f"Use a depth from 1 to {MAX_DEPTH}, and at least 1 session.",
            )


def method_named(name: str) -> Method:
    """A method by its name.

    Raises:
        InputError: there is no such method.
    """
    return choose_named("method", name, METHODS)


def grow_tree(sample: DistillationSample, recipe: Recipe, seed: int) -> Leaf | SplitNode:
    """Learn a small tree from the teacher's mark-ups.

    Args:
        sample: at least one session.
        recipe: what kind of tree.
        seed: decides between splits that are equally good.
    Returns:
        The root; its leaves say which sessions of the sample end there.
    Source: Breiman et al. 1984 (CART); Agarwal et al. 2022, Hierarchical shrinkage; Tan et al.
        2022, Fast interpretable greedy-tree sums.
    """
    design = _design(sample)
    if recipe.method == "figs":
        root = merge_trees(
            [
                _read(root, sample, design)
                for root in _figs_cuts(design, sample.markup_ratio, recipe, seed)
            ]
        )
    else:
        root = _read(_tree_cut(design, sample.markup_ratio, recipe, seed), sample, design)
    return _finished(root, sample, np.arange(len(sample)))


@dataclass(frozen=True, slots=True, eq=False)
class _Design:
    """Numbers that libraries learn from: one column per feature, and per value of a category.

    Attributes:
        values: NaN where undefined, shape (n_sessions, n_columns).
        asks: feature of each column, and the value of a category it stands for.
    """

    values: Floats
    asks: tuple[tuple[str, str | None], ...]


def _design(sample: DistillationSample) -> _Design:
    columns: list[Floats] = []
    asks: list[tuple[str, str | None]] = []
    for name, values in sample.columns.items():
        if name in CATEGORIES:
            undefined = np.array([value is None for value in values], np.bool_)
            for category in CATEGORIES[name]:
                columns.append(np.where(undefined, np.nan, (values == category).astype(np.float64)))
                asks.append((name, category))
        else:
            # Beyond single precision libraries see infinity, which none of them takes.
            columns.append(np.clip(values.astype(np.float64), -LARGEST, LARGEST))
            asks.append((name, None))
    return _Design(np.column_stack(columns), tuple(asks))


def _tree_cut(design: _Design, markup: Floats, recipe: Recipe, seed: int) -> RawSplit | float:
    if recipe.method == "ahead":
        return ahead_cuts(design.values, markup, recipe.depth, recipe.leaf_sessions, seed)
    model = fit_cart(design.values, markup, recipe.depth, recipe.leaf_sessions, seed)
    if recipe.method == "hstree":
        from imodels import HSTreeRegressor  # noqa: PLC0415 - takes seconds to import

        model = HSTreeRegressor(estimator_=model, reg_param=SHRINKAGE).estimator_
    return cuts_of(model)


def _figs_cuts(
    design: _Design, markup: Floats, recipe: Recipe, seed: int
) -> list[RawSplit | float]:
    from imodels import FIGSRegressor  # noqa: PLC0415 - takes seconds to import

    # FIGS knows no NaN: undefined becomes less than anything that is defined, so it always goes
    # left.
    lowest = np.min(design.values, axis=0, where=~np.isnan(design.values), initial=0.0) - 1
    filled = np.where(np.isnan(design.values), lowest, design.values)
    # FIGS counts a stump's depth as 0.
    model = FIGSRegressor(
        max_rules=FIGS_QUESTIONS, max_depth=recipe.depth - 1, random_state=seed
    ).fit(filled, markup)

    def cut(node: "FigsNode") -> RawSplit | float:
        if node.left is None:
            return float(np.asarray(node.value).item())
        return RawSplit(
            int(node.feature), float(node.threshold), True, cut(node.left), cut(node.right)
        )

    return [cut(root) for root in model.trees_]


def _read(cut: RawSplit | float, sample: DistillationSample, design: _Design) -> Leaf | SplitNode:
    return _asked(cut, sample, design, np.arange(len(sample)))


def _asked(
    cut: RawSplit | float, sample: DistillationSample, design: _Design, rows: NDArray[np.int64]
) -> Leaf | SplitNode:
    """A library's split as a question about a feature, asked of the sessions that reach it."""
    if not isinstance(cut, RawSplit):
        return Leaf(cut)
    values, (feature, category) = design.values[rows, cut.column], design.asks[cut.column]
    # Libraries compare in single precision.
    left = values.astype(np.float32) <= cut.threshold
    defined = ~np.isnan(values)
    undefined_left = bool(cut.undefined_left if not defined.all() else 2 * left.sum() >= len(rows))
    asked = make_split(
        feature,
        category,
        values[left & defined],
        values[~left & defined],
        cut.threshold,
        undefined_left,
    )
    yes = rows[condition_holds(asked.condition, sample.columns[feature][rows])]
    no = rows[condition_holds(asked.opposite, sample.columns[feature][rows])]
    branches = (cut.left, cut.right) if asked.left_is_yes else (cut.right, cut.left)
    return SplitNode(
        asked.condition,
        asked.opposite,
        _asked(branches[0], sample, design, yes),
        _asked(branches[1], sample, design, no),
    )


def _finished(
    node: Leaf | SplitNode, sample: DistillationSample, rows: NDArray[np.int64]
) -> Leaf | SplitNode:
    """The same tree with mark-ups in whole percent and what ends in each leaf; a question whose
    answers cost the same is not asked.
    """
    if isinstance(node, Leaf):
        return _leaf(
            round(sample.guard_rails.clamp(node.markup_ratio), MARKUP_DIGITS), sample, rows
        )
    values = sample.columns[node.condition.feature][rows]
    yes = _finished(node.yes, sample, rows[condition_holds(node.condition, values)])
    no = _finished(node.no, sample, rows[condition_holds(node.opposite, values)])
    if isinstance(yes, Leaf) and isinstance(no, Leaf) and yes.markup_ratio == no.markup_ratio:
        return _leaf(yes.markup_ratio, sample, rows)
    return SplitNode(node.condition, node.opposite, yes, no)


def _leaf(ratio: float, sample: DistillationSample, rows: NDArray[np.int64]) -> Leaf:
    is_agent, value = sample.is_agent[rows], sample.base_value[rows]
    return Leaf(
        ratio,
        len(rows),
        int(is_agent.sum()),
        float(value[~is_agent].sum()),
        float(value[is_agent].sum()),
    )
