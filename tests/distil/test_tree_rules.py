"""A tree and its rules give the same mark-up for every session."""

import numpy as np
import pytest

from phantom_core.distil.grow import METHODS, Method, Recipe, grow_tree
from phantom_core.distil.merge import is_possible, merge_trees
from phantom_core.distil.sample import columns_of
from phantom_core.distil.tree import Leaf, SplitNode, markup_of, tree_leaves
from phantom_core.distil.tree_rules import rules_of
from phantom_core.features.catalogue import feature_names
from phantom_core.rules.condition import Condition
from phantom_core.rules.evaluate import evaluate_rules
from phantom_core.rules.simplify import simplify_rules
from phantom_core.rules.text import format_rules, parse_rules
from tests.distil.sessions import random_matrix, random_sample

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("method", METHODS)
def test_tree_rules_and_text_agree_with_a_third_of_the_features_undefined(
    method: Method,
) -> None:
    root = grow_tree(random_sample(), Recipe(method, 5 if method != "figs" else 2, 20), seed=0)
    columns = columns_of(random_matrix(10_000, seed=9), feature_names())
    rules = rules_of(root, "distilled")
    answers = markup_of(root, columns, 10_000)
    np.testing.assert_array_equal(evaluate_rules(rules, columns, 10_000).markup_ratio, answers)
    assert parse_rules(format_rules(rules), "distilled") == rules
    assert len(np.unique(answers)) > 3


def test_rules_of_a_deep_tree_are_shorter_and_agree_with_it() -> None:
    root = grow_tree(random_sample(), Recipe("tree", 8, 10), seed=0)
    columns = columns_of(random_matrix(10_000, seed=9), feature_names())
    long = rules_of(root, "deep")
    short = simplify_rules(long)
    assert len(long.rules) > 60
    assert sum(len(rule.conditions) for rule in short.rules) < 0.8 * sum(
        len(rule.conditions) for rule in long.rules
    )
    np.testing.assert_array_equal(
        evaluate_rules(short, columns, 10_000).markup_ratio, markup_of(root, columns, 10_000)
    )


def test_a_tree_trained_without_undefined_values_still_prices_them() -> None:
    root = grow_tree(random_sample(share_undefined=0.0), Recipe(leaf_sessions=20), seed=0)
    columns = columns_of(random_matrix(10_000, seed=9, share_undefined=0.5), feature_names())
    np.testing.assert_array_equal(
        evaluate_rules(rules_of(root, "x"), columns, 10_000).markup_ratio,
        markup_of(root, columns, 10_000),
    )


def test_an_unexpected_undefined_value_is_not_marked_up() -> None:
    up, down = Condition("item_views", "<=", 3.0), Condition("item_views", ">", 3.0)
    root = SplitNode(up, down, Leaf(1.4, 10), Leaf(1.1, 10))
    columns = {"item_views": np.array([1.0, 9.0, np.nan])}
    assert markup_of(root, columns, 3).tolist() == [1.4, 1.1, 1.1]
    assert evaluate_rules(rules_of(root, "x"), columns, 3).markup_ratio.tolist() == [1.4, 1.1, 1.1]


def test_the_lowest_mark_up_becomes_else_and_the_highest_comes_first() -> None:
    up, down = Condition("item_views", "<=", 3.0), Condition("item_views", ">", 3.0)
    root = SplitNode(
        up, down, Leaf(1.0, 40, 2), SplitNode(up, down, Leaf(1.1, 1, 1), Leaf(1.3, 20, 15))
    )
    assert format_rules(rules_of(root, "x")) == (
        "IF item_views > 3 AND item_views > 3 THEN markup 1.30 (20 sessions, 75% agents)\n"
        "ELIF item_views > 3 AND item_views <= 3 THEN markup 1.10 (1 session, 100% agents)\n"
        "ELSE markup 1.00 (40 sessions, 5% agents)\n"
    )


def test_a_single_leaf_is_else_alone() -> None:
    assert format_rules(rules_of(Leaf(1.2), "x")) == "ELSE markup 1.20 (no labelled session)\n"


def test_the_sum_of_trees_is_one_tree_without_unreachable_leaves() -> None:
    def stump(threshold: float, low: float, high: float) -> SplitNode:
        conditions = (
            Condition("avg_price_seen", "<=", threshold, when_undefined=True),
            Condition("avg_price_seen", ">", threshold),
        )
        return SplitNode(*conditions, Leaf(low), Leaf(high))

    one, other = stump(10.0, 0.0, 1.0), stump(20.0, 0.0, 10.0)
    whole = merge_trees([one, other])
    values = {"avg_price_seen": np.array([5.0, 10.0, 15.0, 20.0, 25.0, np.nan])}
    np.testing.assert_array_equal(
        markup_of(whole, values, 6), markup_of(one, values, 6) + markup_of(other, values, 6)
    )
    assert sorted(leaf.markup_ratio for leaf in tree_leaves(whole)) == [0.0, 1.0, 11.0]


def test_conditions_that_exclude_each_other_are_not_possible() -> None:
    chrome, other = (
        Condition("browser_family", "=", "Chrome"),
        Condition("browser_family", "!=", "Chrome"),
    )
    assert not is_possible([chrome, other])
    assert is_possible([other])
    assert is_possible([other, Condition("item_views", ">", 3.0)])
    assert not is_possible(
        [
            Condition("is_automation_tool", "=", 1.0),
            Condition("is_automation_tool", "=", 0.0, when_undefined=True),
        ]
    )
    assert not is_possible(
        [
            Condition("avg_price_seen", "IS UNDEFINED", when_undefined=True),
            Condition("avg_price_seen", ">=", 0.0),
        ]
    )
