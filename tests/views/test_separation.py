"""How well one feature alone separates, in cases that can be counted by hand."""

import numpy as np
import pytest

from phantom_core.views.features.separation import (
    UNDEFINED,
    category_separation,
    measure_separation,
)

AGENTS_LAST = np.array([False, False, True, True])


def actors(n: int) -> np.ndarray:
    return np.arange(n)


def test_values_that_never_overlap_separate_fully() -> None:
    found = measure_separation(np.array([1.0, 2.0, 3.0, 4.0]), AGENTS_LAST, actors(4))
    assert (found.auc, found.ks) == (1.0, 1.0)
    assert measure_separation(np.array([4.0, 3.0, 2.0, 1.0]), AGENTS_LAST, actors(4)).auc == 0.0


def test_equal_values_separate_nothing() -> None:
    found = measure_separation(np.full(4, 7.0), AGENTS_LAST, actors(4))
    assert (found.auc, found.auc_low, found.auc_high, found.ks) == (0.5, 0.5, 0.5, 0.0)


def test_ties_count_half() -> None:
    assert measure_separation(np.array([1.0, 2.0, 2.0, 3.0]), AGENTS_LAST, actors(4)).auc == 0.875


def test_undefined_values_are_left_out() -> None:
    found = measure_separation(np.array([1.0, np.nan, 2.0, np.nan]), AGENTS_LAST, actors(4))
    assert found.auc == 1.0


def test_one_class_alone_says_nothing() -> None:
    assert measure_separation(np.array([1.0, 2.0]), np.array([True, True]), actors(2)) == UNDEFINED
    assert (
        measure_separation(np.array([1.0, np.nan]), np.array([True, False]), actors(2)) == UNDEFINED
    )


def test_sessions_of_few_actors_make_the_interval_wider() -> None:
    rng = np.random.default_rng(3)
    is_agent = np.repeat([False, True], 200)
    values = rng.normal(size=400) + np.repeat(rng.normal(size=20), 20) + is_agent
    alone, together = (
        measure_separation(values, is_agent, actors(400)),
        measure_separation(values, is_agent, np.arange(400) // 20),
    )
    assert alone.auc == together.auc
    assert together.auc_high - together.auc_low > 1.5 * (alone.auc_high - alone.auc_low)


def test_the_interval_covers_what_a_bootstrap_covers() -> None:
    rng = np.random.default_rng(5)
    is_agent = rng.random(300) < 0.4
    values = rng.normal(size=300) + 0.8 * is_agent
    found = measure_separation(values, is_agent, actors(300))
    drawn = [
        measure_separation(values[rows], is_agent[rows], actors(300)).auc
        for rows in rng.integers(300, size=(400, 300))
    ]
    assert [found.auc_low, found.auc_high] == pytest.approx(
        list(np.quantile(drawn, (0.025, 0.975))), abs=0.015
    )


def test_categories_are_compared_by_their_shares() -> None:
    found = category_separation(
        np.array([0, 0, 1, 1, -1]), np.array([False, False, False, True, True])
    )
    assert found.auc is None
    assert found.ks == pytest.approx(2 / 3)
    assert category_separation(np.array([-1, 0]), np.array([True, False])) == UNDEFINED
