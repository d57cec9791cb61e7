"""Trees learn the signal, split at short thresholds, and are explicit about undefined."""

import numpy as np
import pytest

from phantom_core.core.errors import InputError
from phantom_core.core.limits import GuardRails
from phantom_core.distil.grow import METHODS, Method, Recipe, grow_tree
from phantom_core.distil.sample import DistillationSample
from phantom_core.distil.split import make_split, short_between
from phantom_core.distil.tree import (
    Leaf,
    SplitNode,
    leaf_of,
    markup_of,
    tree_depth,
    tree_features,
    tree_leaves,
)
from tests.distil.sessions import random_sample


def items(views: list[float], markup: list[float], price: float = 5.0) -> DistillationSample:
    """Sessions of which the first half saw the given price, and the others 5."""
    n = len(views)
    columns = {
        "item_views": np.array(views),
        "avg_price_seen": np.array([price] * (n // 2) + [5.0] * (n - n // 2)),
    }
    return DistillationSample(
        columns,
        np.array(markup),
        np.array(markup) > 1.2,
        np.full(n, 10.0),
        np.arange(n),
        GuardRails(0.7, 1.5),
    )


def test_one_split_is_found_at_a_short_threshold() -> None:
    root = grow_tree(
        items([1, 2, 3, 9, 8, 7], [1.0, 1.0, 1.0, 1.5, 1.5, 1.5]),
        Recipe(depth=1, leaf_sessions=1),
        seed=0,
    )
    assert isinstance(root, SplitNode)
    assert (root.condition.feature, root.condition.operator, root.condition.threshold) == (
        "item_views",
        "<=",
        5.0,
    )
    assert root.yes == Leaf(1.0, 3, 0, human_value=30.0)
    assert root.no == Leaf(1.5, 3, 3, agent_value=30.0)


def test_a_feature_that_is_always_defined_does_not_mention_undefined() -> None:
    root = grow_tree(items([1, 9], [1.0, 1.5]), Recipe(depth=1, leaf_sessions=1), seed=0)
    assert isinstance(root, SplitNode)
    assert not root.condition.when_undefined
    assert not root.opposite.when_undefined


def test_being_undefined_can_be_the_condition() -> None:
    sample = items([4, 4, 4, 4], [1.4, 1.4, 1.0, 1.0], price=np.nan)
    root = grow_tree(sample, Recipe(depth=1, leaf_sessions=1), seed=0)
    assert isinstance(root, SplitNode)
    assert root.condition.operator == "IS UNDEFINED"
    assert markup_of(root, sample.columns, 4).tolist() == [1.4, 1.4, 1.0, 1.0]


def test_a_teacher_that_prices_all_alike_needs_no_split() -> None:
    root = grow_tree(items([1, 2, 3, 4], [1.1] * 4), Recipe(depth=3, leaf_sessions=1), seed=0)
    assert root == Leaf(1.1, 4, 0, human_value=40.0)


def test_a_split_without_effect_on_the_rounded_mark_up_is_dropped() -> None:
    assert isinstance(
        grow_tree(
            items([1, 2, 8, 9], [1.101, 1.101, 1.103, 1.103]),
            Recipe(depth=1, leaf_sessions=1),
            seed=0,
        ),
        Leaf,
    )


def test_lookahead_finds_two_splits_that_gain_nothing_alone() -> None:
    rng = np.random.default_rng(1)
    n = 800
    views, adds = rng.integers(0, 2, n).astype(np.float64), rng.integers(0, 2, n).astype(np.float64)
    noise = rng.random(n)
    markup = 1.0 + 0.4 * (views != adds) + 0.02 * (noise > 0.5)
    sample = DistillationSample(
        {"item_views": views, "cart_adds": adds, "hover_intensity": noise},
        markup,
        rng.random(n) < 0.5,
        np.zeros(n),
        np.arange(n),
        GuardRails(0.7, 1.5),
    )
    correlation = {
        method: np.corrcoef(
            markup_of(grow_tree(sample, Recipe(method, 2, 20), 0), sample.columns, n), markup
        )[0, 1]
        for method in ("tree", "ahead")
    }
    assert correlation["ahead"] > 0.99
    assert correlation["tree"] < 0.7


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_features_of_the_teacher(method: Method) -> None:
    sample = random_sample()
    root = grow_tree(sample, Recipe(method, 4, 50), seed=0)
    assert {
        "interaction_velocity",
        "browser_family",
        "std_price_seen",
        "is_automation_tool",
    } <= set(tree_features(root))
    error = markup_of(root, sample.columns, len(sample)) - sample.markup_ratio
    assert 1 - (error**2).mean() / sample.markup_ratio.var() > 0.85


@pytest.mark.parametrize("method", ["tree", "hstree"])
def test_depth_and_leaf_size_are_respected(method: Method) -> None:
    root = grow_tree(random_sample(), Recipe(method, 3, 100), seed=0)
    assert tree_depth(root) <= 3
    assert min(leaf.n_sessions for leaf in tree_leaves(root)) >= 100


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_leaves_count_the_sessions_that_end_in_them(method: Method) -> None:
    sample = random_sample()
    root = grow_tree(sample, Recipe(method, 3, 50), seed=0)
    found = leaf_of(root, sample.columns, len(sample))
    assert [leaf.n_sessions for leaf in tree_leaves(root)] == np.bincount(
        found, minlength=len(tree_leaves(root))
    ).tolist()
    assert [leaf.n_agents for leaf in tree_leaves(root)] == np.bincount(
        found, sample.is_agent, len(tree_leaves(root))
    ).tolist()
    assert sum(leaf.human_value + leaf.agent_value for leaf in tree_leaves(root)) == pytest.approx(
        sample.base_value.sum()
    )


def test_shrinking_draws_leaves_together() -> None:
    sample = random_sample(400)
    plain, shrunk = (
        grow_tree(sample, Recipe(method, 5, 5), seed=0) for method in ("tree", "hstree")
    )
    spread = [np.ptp([leaf.markup_ratio for leaf in tree_leaves(root)]) for root in (plain, shrunk)]
    assert spread[1] < spread[0]


def test_the_same_seed_gives_the_same_tree() -> None:
    assert grow_tree(random_sample(), Recipe(), seed=3) == grow_tree(
        random_sample(), Recipe(), seed=3
    )


@pytest.mark.parametrize(
    ("low", "high", "short"),
    [(3.0, 4.0, 3.0), (0.0, 1e-9, 0.0), (-1.0, 0.0, -1.0), (99.5, 1000.0, 500.0)],
)
def test_a_threshold_has_few_digits_and_separates_the_same_sessions(
    low: float, high: float, short: float
) -> None:
    assert short_between(low, high) == pytest.approx(short)
    assert low <= short_between(low, high) < high


def test_numbers_next_to_each_other_are_still_separated() -> None:
    rng = np.random.default_rng(0)
    for low in rng.gamma(1, 50, 200):
        high = np.nextafter(low, np.inf)
        assert low <= short_between(low, high) < high


def test_undefined_goes_where_it_is_written() -> None:
    split = make_split(
        "avg_price_seen", None, np.array([1.0]), np.array([2.0]), 1.5, undefined_left=True
    )
    assert (split.condition.when_undefined, split.opposite.when_undefined) == (True, False)
    split = make_split(
        "browser_family", "Chrome", np.array([0.0]), np.array([1.0]), 0.5, undefined_left=True
    )
    assert (split.condition.operator, split.condition.when_undefined) == ("=", False)
    assert (split.opposite.operator, split.opposite.when_undefined) == ("!=", True)


@pytest.mark.parametrize(
    ("method", "depth", "leaf"),
    [("forest", 5, 50), ("tree", 0, 50), ("tree", 99, 50), ("tree", 5, 0)],
)
def test_a_recipe_out_of_range_is_refused(method: Method, depth: int, leaf: int) -> None:
    with pytest.raises(InputError):
        Recipe(method, depth, leaf)


def test_a_number_beyond_single_precision_is_merely_large() -> None:
    sample = items([1, 2, 1e300, 1e301], [1.0, 1.0, 1.4, 1.4])
    root = grow_tree(sample, Recipe(depth=2, leaf_sessions=1), seed=0)
    assert markup_of(root, sample.columns, 4).tolist() == [1.0, 1.0, 1.4, 1.4]
