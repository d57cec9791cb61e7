"""Raw splits: splits as libraries make them, and trees of them as CART grows them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor

from phantom_core.core.arrays import Floats


@dataclass(frozen=True, slots=True)
class RawSplit:
    """A split: up to `threshold` goes left.

    Attributes:
        column: of the design.
        threshold: compared in single precision, as libraries do.
        undefined_left: whether NaN goes left.
        left, right: what comes then; a number is a leaf.
    """

    column: int
    threshold: float
    undefined_left: bool
    left: "RawSplit | float"
    right: "RawSplit | float"

    def goes_left(self, values: Floats) -> NDArray[np.bool_]:
        """Which rows of a design go left, shape (n_rows,)."""
        return goes_left(values[:, self.column], self.threshold, undefined_left=self.undefined_left)


def goes_left(column: Floats, threshold: float, *, undefined_left: bool) -> NDArray[np.bool_]:
    """Which values go left."""
    return np.asarray(
        np.where(np.isnan(column), undefined_left, column.astype(np.float32) <= threshold), np.bool_
    )


def fit_cart(
    values: Floats, markup: Floats, depth: int, leaf_sessions: int, seed: int
) -> DecisionTreeRegressor:
    """Fit a greedy regression tree.

    Args:
        values: NaN where undefined, shape (n_sessions, n_columns).
        markup: shape (n_sessions,).
        depth: most splits on a path, at least 1.
        leaf_sessions: fewest sessions in a leaf.
        seed: decides between splits that are equally good.
    """
    model: DecisionTreeRegressor = DecisionTreeRegressor(
        max_depth=depth, min_samples_leaf=leaf_sessions, random_state=seed
    )
    return model.fit(values, markup)


def raw_splits(model: DecisionTreeRegressor) -> RawSplit | float:
    """A fitted tree as raw splits."""
    tree = model.tree_

    def raw_split(node: int) -> RawSplit | float:
        if tree.children_left[node] < 0:
            return float(tree.value[node].item())
        left, right = raw_split(tree.children_left[node]), raw_split(tree.children_right[node])
        return RawSplit(
            int(tree.feature[node]),
            float(tree.threshold[node]),
            bool(tree.missing_go_to_left[node]),
            left,
            right,
        )

    return raw_split(0)
