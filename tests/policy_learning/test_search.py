"""Searched trees: exact where that is claimed, monotone in P(agent), pruned at least cost."""

import itertools

import numpy as np

from phantom_core.policy_learning.bins import Binned, bin_features
from phantom_core.policy_learning.prune import count_leaves, prune_tree
from phantom_core.policy_learning.search import PriceLeaf, PriceSplit, Search, prices_of


def random_search(
    seed: int, *, n: int = 60, levels: int = 0, fewest: int = 5, rises: tuple[str, ...] = ()
) -> Search:
    rng = np.random.default_rng(seed)
    columns = {
        "p_agent": rng.integers(0, 4, n) / 4.0,
        "total_interactions": rng.integers(0, 3, n).astype(np.float64),
        "item_views": np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, 3, n)),
    }
    binned = bin_features(columns, tuple(columns), of=np.ones(n, np.bool_), rises_with=rises)
    return Search(binned, rng.normal(size=(n, 2)), rng.normal(size=(2, 4)), fewest, levels)


def worth_of(tree: PriceLeaf | PriceSplit, search: Search) -> float:
    prices = prices_of(tree, search.binned.codes)
    return float((search.numbers * search.worth[:, prices].T).sum())


def best_by_hand(search: Search, rows: np.ndarray, depth: int) -> float:
    """Every tree of a depth, one after the other."""
    best = float((search.numbers[rows].sum(axis=0) @ search.worth).max())
    if depth == 0:
        return best
    codes = search.binned.codes
    for column, last in itertools.product(range(codes.shape[1]), range(search.binned.n_bins)):
        left = codes[rows, column] <= last
        if min(left.sum(), (~left).sum()) >= search.fewest:
            parts = (
                best_by_hand(search, rows[side], depth - 1)
                if rows[side].size >= 2 * search.fewest
                else best_by_hand(search, rows[side], 0)
                for side in (left, ~left)
            )
            best = max(best, sum(parts))
    return best


def test_depth_one_two_and_three_are_exact() -> None:
    for seed, depth in itertools.product(range(3), (1, 2, 3)):
        search = random_search(seed, levels=depth - 1, n=40)
        np.testing.assert_allclose(
            worth_of(search.grow(depth), search), best_by_hand(search, np.arange(40), depth)
        )


def test_prices_never_fall_with_what_they_must_rise_with() -> None:
    for seed in range(20):
        search = random_search(seed, n=200, rises=("p_agent",))
        tree = search.grow(4)
        at = [one.feature for one in search.binned.columns].index("p_agent")
        rows = np.repeat(search.binned.codes[:40], search.binned.n_bins, axis=0)
        rows[:, at] = np.tile(np.arange(search.binned.n_bins), 40)
        by_row = prices_of(tree, rows).reshape(40, -1)
        assert (np.diff(by_row, axis=1) >= 0).all()


def test_pruning_stops_at_the_number_of_leaves_and_costs_least_first() -> None:
    search = random_search(1, n=200)
    tree = search.grow(4)
    assert count_leaves(tree) > 4
    worths = [worth_of(prune_tree(tree, search, n), search) for n in (5, 4, 3, 2, 1)]
    assert all(a >= b - 1e-9 for a, b in itertools.pairwise(worths))
    [alone] = {count_leaves(prune_tree(tree, search, 1))}
    assert alone == 1


def test_undefined_may_stand_on_either_side() -> None:
    values = np.array([1.0, 2.0, 3.0, np.nan, np.nan, 1.0])
    binned = bin_features({"item_views": values}, ("item_views",), of=np.ones(6, np.bool_))
    assert isinstance(binned, Binned)
    low, high = binned.codes.T
    assert (low[[3, 4]] == 0).all()
    assert (high[[3, 4]] > high[[0, 1, 2, 5]].max()).all()
