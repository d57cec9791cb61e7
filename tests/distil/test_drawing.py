"""Drawings of a tree: leaves with figures, the path of one session, and undefined values."""

import shutil

import numpy as np
import pytest

from phantom_core.core.errors import UnavailableError
from phantom_core.distil.dot import condition_text, tree_dot
from phantom_core.distil.grow import Method, Recipe, grow_tree
from phantom_core.distil.picture import detailed_svg, svg_of
from phantom_core.distil.tree import Leaf, SplitNode, leaf_of, tree_leaves
from phantom_core.rules.condition import Condition
from tests.distil.sessions import random_sample

needs_graphviz = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


def stump() -> SplitNode:
    conditions = Condition("item_views", "<=", 3.0), Condition("item_views", ">", 3.0)
    return SplitNode(*conditions, Leaf(1.0, 40, 10, 500.0, 70.0), Leaf(1.5, 60, 60, 0.0, 900.0))


def test_a_leaf_shows_sessions_value_and_classes() -> None:
    drawn = tree_dot(stump())
    assert "×1.00   40 sessions" in drawn
    assert "75% human, bought 500" in drawn
    assert "100% agent, bought 900" in drawn
    assert "penwidth=2.5" not in drawn


def test_the_path_of_a_session_is_highlighted_from_root_to_leaf() -> None:
    lines = tree_dot(stump(), leaf=1).splitlines()
    highlighted = [line for line in lines if "penwidth=2.5" in line]
    assert len(highlighted) == 3
    assert any('label="no"' in line for line in highlighted)
    assert not any('label="yes"' in line for line in highlighted)


def test_conditions_are_read_as_words() -> None:
    assert (
        condition_text(Condition("std_price_seen", "IS UNDEFINED", when_undefined=True))
        == "std price seen is undefined"
    )
    assert (
        condition_text(Condition("browser_family", "!=", "Chrome", when_undefined=True))
        == "browser family ≠ Chrome or undefined"
    )
    assert condition_text(Condition("hover_intensity", ">", 0.146)) == "hover intensity > 0.146"


@needs_graphviz
def test_graphviz_draws_every_leaf() -> None:
    root = grow_tree(random_sample(), Recipe(depth=3), seed=0)
    assert svg_of(tree_dot(root)).count("×1.") == len(tree_leaves(root))


@pytest.mark.slow
@needs_graphviz
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("method", ["tree", "hstree"])
def test_the_detailed_picture_shows_the_trees_own_mark_ups_whatever_is_undefined(
    method: Method,
) -> None:
    sample = random_sample(400)
    root = grow_tree(sample, Recipe(method, 2, 50), seed=0)
    assert isinstance(root, SplitNode)
    drawn = detailed_svg(root, sample.columns, sample.markup_ratio, row=0)
    own = tree_leaves(root)[int(leaf_of(root, sample.columns, len(sample))[0])].markup_ratio
    assert f"{own:.2f}" in drawn


def test_without_graphviz_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UnavailableError, match="Graphviz is not installed"):
        svg_of("digraph {}")
    with pytest.raises(UnavailableError):
        detailed_svg(stump(), {"item_views": np.array([1.0])}, np.array([1.0]))
