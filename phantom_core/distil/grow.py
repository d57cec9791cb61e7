"""Growing trees: a regression tree, a shrunk one or a sum of trees, from a teacher's mark-ups."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.core.errors import InputError
from phantom_core.core.registry import choose_named
from phantom_core.distil.lookahead import grow_lookahead
from phantom_core.distil.merge import merge_trees
from phantom_core.distil.raw_split import RawSplit, fit_cart, raw_splits
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
# Finer mark-ups than whole percent have no use.
MARKUP_DIGITS: Final = 2
# The weight of an ancestor's mean, in sessions; the paper's usual middle of its grid.
SHRINKAGE: Final = 10.0
# The sum of trees stays short enough to be read: as many splits in all as imodels makes by default.
FIGS_SPLITS: Final = 12


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to grow a tree.

    Attributes:
        method: "tree": CART; "ahead": a tree whose first two splits are chosen with lookahead;
            "hstree": CART with leaves shrunk towards their ancestors; "figs": a sum of trees,
            merged into one.
        depth: most splits on a path, from 1 to 8; with "figs" of each tree in the sum.
        leaf_sessions: fewest sessions in a leaf; "figs" has no such limit.
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
                "requested.",
                hint=f"Use a depth from 1 to {MAX_DEPTH}, and at least 1 session.",
            )


def method_named(name: str) -> Method:
    """A method by its name.

    Raises:
        InputError: there is no such method.
    """
    return choose_named("method", name, METHODS)


def grow_tree(sample: DistillationSample, recipe: Recipe, seed: int) -> Leaf | SplitNode:
    """Grow a small tree from the teacher's mark-ups.

    Args:
        sample: at least one session.
        recipe: what kind of tree.
        seed: decides between splits that are equally good.
    Returns:
        The root; its leaves count the sessions of the sample that end there.
    Source: Breiman et al. 1984 (CART); Agarwal et al. 2022, Hierarchical shrinkage; Tan et al.
        2022, Fast interpretable greedy-tree sums.
    """
    design = _design(sample)
    if recipe.method == "figs":
        root = merge_trees(
            [
                _convert(root, sample, design)
                for root in _figs_splits(design, sample.markup_ratio, recipe, seed)
            ]
        )
    else:
        root = _convert(_tree_split(design, sample.markup_ratio, recipe, seed), sample, design)
    return _finished(root, sample, np.arange(len(sample)))


@dataclass(frozen=True, slots=True, eq=False)
class _Design:
    """Design matrix: one column per feature, and per value of a category.

    Attributes:
        values: NaN where undefined, shape (n_sessions, n_columns).
        columns: feature of each column, and the value of a category it stands for.
    """

    values: Floats
    columns: tuple[tuple[str, str | None], ...]


def _design(sample: DistillationSample) -> _Design:
    values_of: list[Floats] = []
    named: list[tuple[str, str | None]] = []
    for name, values in sample.columns.items():
        if name in CATEGORIES:
            undefined = np.array([value is None for value in values], np.bool_)
            for category in CATEGORIES[name]:
                values_of.append(
                    np.where(undefined, np.nan, (values == category).astype(np.float64))
                )
                named.append((name, category))
        else:
            # Beyond single precision libraries see infinity, which none of them accepts.
            values_of.append(np.clip(values.astype(np.float64), -LARGEST, LARGEST))
            named.append((name, None))
    return _Design(np.column_stack(values_of), tuple(named))


def _tree_split(design: _Design, markup: Floats, recipe: Recipe, seed: int) -> RawSplit | float:
    if recipe.method == "ahead":
        return grow_lookahead(design.values, markup, recipe.depth, recipe.leaf_sessions, seed)
    model = fit_cart(design.values, markup, recipe.depth, recipe.leaf_sessions, seed)
    if recipe.method == "hstree":
        from imodels import HSTreeRegressor  # noqa: PLC0415 - takes seconds to import

        model = HSTreeRegressor(estimator_=model, reg_param=SHRINKAGE).estimator_
    return raw_splits(model)


def _figs_splits(
    design: _Design, markup: Floats, recipe: Recipe, seed: int
) -> list[RawSplit | float]:
    from imodels import FIGSRegressor  # noqa: PLC0415 - takes seconds to import

    # FIGS does not support NaN: undefined becomes less than any defined value, so it goes left.
    lowest = np.min(design.values, axis=0, where=~np.isnan(design.values), initial=0.0) - 1
    filled = np.where(np.isnan(design.values), lowest, design.values)
    # FIGS counts a stump's depth as 0.
    model = FIGSRegressor(max_rules=FIGS_SPLITS, max_depth=recipe.depth - 1, random_state=seed).fit(
        filled, markup
    )

    def raw_split(node: "FigsNode") -> RawSplit | float:
        if node.left is None:
            return float(np.asarray(node.value).item())
        return RawSplit(
            int(node.feature),
            float(node.threshold),
            True,
            raw_split(node.left),
            raw_split(node.right),
        )

    return [raw_split(root) for root in model.trees_]


def _convert(
    raw: RawSplit | float, sample: DistillationSample, design: _Design
) -> Leaf | SplitNode:
    return _convert_rows(raw, sample, design, np.arange(len(sample)))


def _convert_rows(
    raw: RawSplit | float, sample: DistillationSample, design: _Design, rows: NDArray[np.int64]
) -> Leaf | SplitNode:
    """A library's split as a condition on a feature, for the sessions that reach it."""
    if not isinstance(raw, RawSplit):
        return Leaf(raw)
    values, (feature, category) = design.values[rows, raw.column], design.columns[raw.column]
    # Libraries compare in single precision.
    left = values.astype(np.float32) <= raw.threshold
    defined = ~np.isnan(values)
    undefined_left = bool(raw.undefined_left if not defined.all() else 2 * left.sum() >= len(rows))
    split = make_split(
        feature,
        category,
        values[left & defined],
        values[~left & defined],
        raw.threshold,
        undefined_left,
    )
    yes = rows[condition_holds(split.condition, sample.columns[feature][rows])]
    no = rows[condition_holds(split.opposite, sample.columns[feature][rows])]
    branches = (raw.left, raw.right) if split.left_is_yes else (raw.right, raw.left)
    return SplitNode(
        split.condition,
        split.opposite,
        _convert_rows(branches[0], sample, design, yes),
        _convert_rows(branches[1], sample, design, no),
    )


def _finished(
    node: Leaf | SplitNode, sample: DistillationSample, rows: NDArray[np.int64]
) -> Leaf | SplitNode:
    """Round mark-ups to whole percent, count sessions by leaf, drop splits without effect."""
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
