"""Tree bytes: whether a file of boosted trees is what XGBoost writes, before XGBoost reads it.

XGBoost's C library follows the indices of a file without looking at them, so a crafted one ends the
process. Here every length, every child and every split is checked first.
Source: XGBoost model format, https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.errors import DataError
from phantom_core.models.ubjson import UbjsonReader

MOST_BYTES: Final = 256 << 20
_PER_NODE: Final = (
    "left_children",
    "right_children",
    "parents",
    "split_indices",
    "split_conditions",
    "default_left",
    "split_type",
    "base_weights",
    "loss_changes",
    "sum_hessian",
)
_CATEGORIES: Final = (
    "categories",
    "categories_nodes",
    "categories_segments",
    "categories_sizes",
)
_MOST_CATEGORY: Final = 10_000
_NO_CHILD: Final = -1
_NO_PARENT: Final = 2**31 - 1
_LEARNER: Final = frozenset(
    (
        "attributes",
        "cats",
        "feature_names",
        "feature_types",
        "gradient_booster",
        "learner_model_param",
        "objective",
    )
)
_OBJECTIVES: Final = frozenset(("binary:logistic", "reg:logistic", "binary:logitraw"))


def check_trees(content: bytes, what: str) -> None:
    """Reject bytes that are not boosted trees as XGBoost saves them.

    Args:
        content: of the file, UBJSON.
        what: named in errors.
    Raises:
        DataError: too large, damaged, or with an index that points outside.
    """
    if len(content) > MOST_BYTES:
        raise DataError(
            f"{what} has {len(content):,} bytes; at most {MOST_BYTES:,} are read.",
            hint="Train with fewer trees.",
        )
    try:
        _check_document(UbjsonReader(content, what).read(), what)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError) as error:
        raise _refusal(what, f"{type(error).__name__} {error}") from None


def _check_document(document: object, what: str) -> None:
    values = _object(document)
    if set(values) != {"learner", "version"}:
        raise _refusal(what, "fields that XGBoost does not write")
    learner = _object(values["learner"])
    if not set(learner) <= _LEARNER:
        raise _refusal(what, "fields that XGBoost does not write")
    n_features = _n_features(learner, what)
    objective = str(_object(learner["objective"])["name"])
    if objective not in _OBJECTIVES:
        raise _refusal(what, f"the objective '{objective[:40]}'")
    booster = _object(learner["gradient_booster"])
    if booster["name"] != "gbtree" or set(booster) != {"name", "model"}:
        raise _refusal(what, "a booster that is not gbtree")
    _check_model(_object(booster["model"]), n_features, what)


def _n_features(learner: Mapping[str, object], what: str) -> int:
    parameters = _object(learner["learner_model_param"])
    n_features, names = int(str(parameters["num_feature"])), learner["feature_names"]
    types = learner["feature_types"]
    if not isinstance(names, list) or not isinstance(types, list):
        raise _refusal(what, "no names of features")
    if not 0 < n_features <= 10_000 or len(names) != n_features:
        raise _refusal(what, f"{n_features} features and {len(names)} names")
    if len(types) not in (0, n_features) or not set(types) <= {"q", "c"}:
        raise _refusal(what, "types of features that PHANTOM does not use")
    if (int(str(parameters["num_class"])), int(str(parameters.get("num_target", 1)))) not in (
        (0, 1),
        (1, 1),
    ):
        raise _refusal(what, "more than one output")
    return n_features


def _check_model(model: Mapping[str, object], n_features: int, what: str) -> None:
    trees, info = model["trees"], model["tree_info"]
    parameters = _object(model["gbtree_model_param"])
    if not isinstance(trees, list):
        raise _refusal(what, "no list of trees")
    n_trees = int(str(parameters["num_trees"]))
    groups = np.asarray(info, dtype=np.int64)
    if not 0 < n_trees == len(trees) == len(groups) or groups.any():
        raise _refusal(what, "a number of trees that is not theirs")
    if int(str(parameters.get("num_parallel_tree", 1))) != 1:
        raise _refusal(what, "parallel trees")
    starts = np.asarray(model["iteration_indptr"], dtype=np.int64)
    if not np.array_equal(starts, np.arange(n_trees + 1)):
        raise _refusal(what, "rounds that do not hold one tree each")
    for number, tree in enumerate(trees):
        _check_tree(_object(tree), number, n_features, what)


def _check_tree(tree: Mapping[str, object], number: int, n_features: int, what: str) -> None:
    parameters = _object(tree["tree_param"])
    n_nodes = int(str(parameters["num_nodes"]))
    arrays = {name: np.asarray(tree[name]) for name in _PER_NODE}
    is_whole = (
        tree["id"] == number
        and int(str(parameters["num_feature"])) == n_features
        and int(str(parameters["num_deleted"])) == 0
        and int(str(parameters.get("size_leaf_vector", 1))) in (0, 1)
        and n_nodes > 0
        and all(one.shape == (n_nodes,) for one in arrays.values())
        and bool(np.isin(arrays["split_type"], (0, 1)).all())
        and bool(np.isin(arrays["default_left"], (0, 1)).all())
    )
    if not is_whole:
        raise _refusal(what, f"tree {number}, whose parts do not fit together")
    _check_links(arrays, number, n_features, what)
    _check_categories(tree, arrays, number, what)


def _check_links(
    arrays: Mapping[str, NDArray[Any]], number: int, n_features: int, what: str
) -> None:
    """Every node but the root is the child of one other, which comes before it."""
    left = arrays["left_children"].astype(np.int64)
    right = arrays["right_children"].astype(np.int64)
    parents = arrays["parents"].astype(np.int64)
    nodes = np.arange(left.size)
    inner = left != _NO_CHILD
    children = np.concatenate([left[inner], right[inner]])
    splits = arrays["split_indices"].astype(np.int64)[inner]
    is_tree = (
        np.array_equal(inner, right != _NO_CHILD)
        and np.array_equal(np.sort(children), nodes[1:])
        and bool((left[inner] > nodes[inner]).all() and (right[inner] > nodes[inner]).all())
        and parents[0] == _NO_PARENT
        and np.array_equal(parents[left[inner]], nodes[inner])
        and np.array_equal(parents[right[inner]], nodes[inner])
        and bool(((splits >= 0) & (splits < n_features)).all())
    )
    if not is_tree:
        raise _refusal(what, f"tree {number}, whose nodes are no tree over its features")


def _check_categories(
    tree: Mapping[str, object], arrays: Mapping[str, NDArray[Any]], number: int, what: str
) -> None:
    """Every categorical split has a segment of categories of its own, within bounds."""
    categories, nodes, starts, sizes = (
        np.asarray(tree[name], dtype=np.int64) for name in _CATEGORIES
    )
    split_nodes = np.flatnonzero(arrays["split_type"])
    is_whole = (
        np.array_equal(nodes, split_nodes)
        and bool((arrays["left_children"][split_nodes] != _NO_CHILD).all())
        and starts.shape == nodes.shape == sizes.shape
        and bool(((categories >= 0) & (categories <= _MOST_CATEGORY)).all())
        and np.array_equal(starts, np.concatenate([[0], np.cumsum(sizes)])[:-1])
        and bool((sizes > 0).all())
        and int(sizes.sum()) == categories.size
    )
    if not is_whole:
        raise _refusal(what, f"tree {number}, whose categories are not those of its splits")


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError("no object where one is expected")
    return value


def _refusal(what: str, why: str) -> DataError:
    return DataError(
        f"{what} is not a file of boosted trees that PHANTOM saved: {why}.",
        hint="Restore the model from a backup, or train again.",
    )
