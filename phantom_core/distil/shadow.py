"""Shadow: a tree of conditions as dtreeviz expects one."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from dtreeviz.models.shadow_decision_tree import ShadowDecTree
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.distil.tree import Leaf, SplitNode
from phantom_core.rules.condition import Condition
from phantom_core.rules.evaluate import Column, condition_holds

_NONE: Final = -1


class Shadow(ShadowDecTree):  # type: ignore[misc]
    """One column of numbers per split, with `yes` left of its threshold, also where undefined.

    Args:
        root: the tree.
        columns: values by feature of the sessions drawn, shape (n_rows,).
        markup_ratio: the teacher's, shape (n_rows,).
    """

    def __init__(
        self, root: SplitNode, columns: Mapping[str, Column], markup_ratio: Floats
    ) -> None:
        self._nodes: list[Leaf | SplitNode] = []
        self._children: dict[int, tuple[int, int]] = {}
        self._samples: dict[int, NDArray[np.int64]] = {}
        self._add(root, columns, np.arange(len(markup_ratio)))
        splits = [(i, node) for i, node in enumerate(self._nodes) if isinstance(node, SplitNode)]
        self._column = {i: position for position, (i, _) in enumerate(splits)}
        drawn = [_drawn(node, columns[node.condition.feature]) for _, node in splits]
        self._thresholds = {
            i: threshold for (i, _), (_, threshold) in zip(splits, drawn, strict=True)
        }
        names = [
            node.condition.feature.replace("_", " ") + _suffix(node.condition) for _, node in splits
        ]
        values = np.column_stack([column for column, _ in drawn])
        super().__init__(root, values, markup_ratio, names, "mark-up", None)

    def _add(
        self, node: Leaf | SplitNode, columns: Mapping[str, Column], rows: NDArray[np.int64]
    ) -> int:
        number = len(self._nodes)
        self._nodes.append(node)
        self._samples[number] = rows
        if isinstance(node, SplitNode):
            values = columns[node.condition.feature][rows]
            yes = self._add(node.yes, columns, rows[condition_holds(node.condition, values)])
            self._children[number] = (
                yes,
                self._add(node.no, columns, rows[condition_holds(node.opposite, values)]),
            )
        return number

    def is_fit(self) -> bool:
        return True

    def is_classifier(self) -> bool:
        return False

    def get_class_weights(self) -> None:
        return None

    def get_thresholds(self) -> Floats:
        return np.array([self._thresholds.get(i, np.nan) for i in range(self.nnodes())])

    def get_features(self) -> NDArray[np.int64]:
        return np.array([self._column.get(i, _NONE) for i in range(self.nnodes())])

    def criterion(self) -> str:
        return "squared error"

    def get_class_weight(self) -> None:
        return None

    def nclasses(self) -> int:
        return 1

    def classes(self) -> None:
        return None

    def get_node_samples(self) -> Mapping[int, NDArray[np.int64]]:
        return self._samples

    def get_split_samples(self, id: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        left = self.X_train[self._samples[id], self._column[id]] <= self._thresholds[id]
        return np.flatnonzero(left), np.flatnonzero(~left)

    def get_node_nsamples(self, id: int) -> int:
        return len(self._samples[id])

    def get_children_left(self) -> NDArray[np.int64]:
        return np.array([self._children.get(i, (_NONE, _NONE))[0] for i in range(self.nnodes())])

    def get_children_right(self) -> NDArray[np.int64]:
        return np.array([self._children.get(i, (_NONE, _NONE))[1] for i in range(self.nnodes())])

    def get_node_split(self, id: int) -> float:
        return self._thresholds[id]

    def get_node_feature(self, id: int) -> int:
        return self._column[id]

    def get_node_nsamples_by_class(self, id: int) -> None:
        return None

    def get_prediction(self, id: int) -> float:
        node = self._nodes[id]
        return (
            node.markup_ratio
            if isinstance(node, Leaf)
            else float(np.mean(self.y_train[self._samples[id]]))
        )

    def nnodes(self) -> int:
        return len(self._nodes)

    def get_node_criterion(self, id: int) -> float:
        return float(np.var(self.y_train[self._samples[id]]))

    def get_feature_path_importance(self, node_list: list[int]) -> Floats:
        return np.bincount(
            [self._column[i] for i in node_list if i in self._column], minlength=len(self._column)
        ).astype(np.float64)

    def get_max_depth(self) -> int:
        return max(int(leaf.level) for leaf in self.leaves)

    def get_score(self) -> float:
        error = sum(
            float(
                ((self.y_train[self._samples[leaf.id]] - self.get_prediction(leaf.id)) ** 2).sum()
            )
            for leaf in self.leaves
        )
        return 1 - error / float(((self.y_train - self.y_train.mean()) ** 2).sum())

    def get_min_samples_leaf(self) -> int:
        return min(len(self._samples[leaf.id]) for leaf in self.leaves)

    def shouldGoLeftAtSplit(self, id: int, x: float) -> bool:  # noqa: N802 - dtreeviz's name
        return bool(x <= self._thresholds[id])

    def get_root_edge_labels(self) -> list[str]:
        return ["yes", "no"]


def _drawn(node: SplitNode, values: Column) -> tuple[Floats, float]:
    """Values of a split as numbers, and the threshold between yes and no."""
    threshold = node.condition.threshold
    if node.condition.operator != "<=" or not isinstance(threshold, float):
        return np.where(condition_holds(node.condition, values), 0.0, 1.0), 0.5
    numbers = values.astype(np.float64)
    known = numbers[~np.isnan(numbers)]
    low, high = (
        min(known.min(initial=threshold), threshold),
        max(known.max(initial=threshold), threshold),
    )
    beside = 0.05 * max(high - low, 1.0)
    return np.where(
        np.isnan(numbers), low - beside if node.condition.when_undefined else high + beside, numbers
    ), threshold


def _suffix(condition: Condition) -> str:
    """What a drawing of yes and no adds to the feature's name."""
    if condition.threshold is None:
        return " undefined? (0 yes, 1 no)"
    if condition.operator == "<=":
        return ""
    shown = (
        condition.threshold if isinstance(condition.threshold, str) else f"{condition.threshold:g}"
    )
    return f" {condition.operator} {shown or 'nothing'}? (0 yes, 1 no)"
