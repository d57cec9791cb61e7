"""Fidelity by hand: the teacher itself, a constant, and the money in between."""

from dataclasses import replace

import duckdb
import numpy as np
import pytest

from phantom_core.core.limits import GuardRails
from phantom_core.distil.fidelity import measure_fidelity
from phantom_core.distil.frontier import depth_frontier, out_of_fold_markup
from phantom_core.distil.grow import Recipe
from phantom_core.distil.markup import recovered_leakage, teacher_markup
from phantom_core.distil.purchases import base_value
from phantom_core.distil.sample import DistillationSample
from phantom_core.models.splits import make_folds
from tests.distil.sessions import random_sample


def priced(teacher: list[float], agent: list[bool], value: list[float]) -> DistillationSample:
    return DistillationSample(
        {},
        np.array(teacher),
        np.array(agent),
        np.array(value),
        np.arange(len(teacher)),
        GuardRails(0.7, 1.5),
    )


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_the_teacher_itself_is_perfectly_faithful() -> None:
    sample = priced([1.0, 1.25, 1.5, 1.4], [False, True, True, False], [0, 100, 50, 0])
    found = measure_fidelity(sample, sample.markup_ratio, rng())
    assert found.r2 is not None
    assert found.rank_correlation is not None
    assert found.leakage_lost is not None
    values = (
        found.r2.value,
        found.rank_correlation.value,
        found.band_agreement.value,
        found.leakage_lost.value,
    )
    assert values == pytest.approx((1, 1, 1, 0))


def test_a_constant_explains_nothing_and_ranks_nothing() -> None:
    sample = priced([1.0, 1.5], [False, True], [0, 100])
    found = measure_fidelity(sample, np.array([1.25, 1.25]), rng())
    assert found.r2 is not None
    assert found.r2.value == pytest.approx(0)
    assert found.rank_correlation is None
    assert found.band_agreement.value == 0.0


def test_leakage_counts_agents_who_bought_and_up_to_the_reference_price_only() -> None:
    sample = priced([1.5, 1.5, 1.5], [True, True, False], [100, 0, 900])
    found = measure_fidelity(sample, np.array([1.1, 1.0, 1.0]), rng())
    # The teacher recovers 20 of 100, the tree 10.
    assert found.leakage_lost is not None
    assert found.leakage_lost.value == pytest.approx(0.5)


def test_nothing_bought_by_agents_is_nothing_to_lose() -> None:
    assert (
        measure_fidelity(
            priced([1.0, 1.5], [False, True], [100, 0]), np.array([1.0, 1.0]), rng()
        ).leakage_lost
        is None
    )


def test_a_teacher_that_may_as_well_give_money_away_has_nothing_to_lose() -> None:
    sample = priced([1.3, 0.8, 0.8], [True, True, True], [500, 100, 100])
    assert measure_fidelity(sample, sample.markup_ratio, rng()).leakage_lost is None


def test_a_discount_gives_money_away() -> None:
    np.testing.assert_allclose(
        recovered_leakage(np.array([0.7, 1.0, 1.2, 1.5])), [-0.3, 0.0, 0.2, 0.2]
    )


def test_the_full_teacher_discounts_likely_buyers() -> None:
    agent, purchase = np.array([1.0, 0.0, 0.5]), np.array([0.0, 1.0, 0.5])
    np.testing.assert_allclose(
        teacher_markup(agent, GuardRails(0.7, 1.5), purchase), [1.5, 0.7, 1.1]
    )
    np.testing.assert_allclose(teacher_markup(agent, GuardRails(0.7, 1.5)), [1.5, 1.0, 1.25])


def test_sessions_are_priced_by_trees_that_did_not_see_their_actor() -> None:
    sample = random_sample(600)
    fold = make_folds(sample.groups, sample.is_agent, 5, rng())
    markup = out_of_fold_markup(sample, fold, Recipe(leaf_sessions=20), seed=0)
    changed = replace(
        sample, markup_ratio=np.where(fold == 2, 3 - sample.markup_ratio, sample.markup_ratio)
    )
    np.testing.assert_array_equal(
        out_of_fold_markup(changed, fold, Recipe(leaf_sessions=20), seed=0)[fold == 2],
        markup[fold == 2],
    )


@pytest.mark.slow
def test_deeper_trees_are_closer_to_a_complex_teacher() -> None:
    sample = random_sample()
    points = depth_frontier(
        sample, make_folds(sample.groups, sample.is_agent, 5, rng()), Recipe(), 0, max_depth=3
    )
    r2 = [point.fidelity.r2.value for point in points if point.fidelity.r2]
    assert r2 == sorted(r2)
    assert [point.depth for point in points] == [1, 2, 3]
    assert all(
        point.fidelity.r2
        and point.fidelity.r2.low <= point.fidelity.r2.value <= point.fidelity.r2.high
        for point in points
    )


def test_what_was_bought_counts_at_base_prices() -> None:
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE events AS SELECT * FROM (VALUES "
        "(1, 1, 50, 'p', 90.0, 'purchase_complete'), (1, 2, 60, 'q', 10.0, 'purchase_complete'), "
        "(2, 3, 5, 'p', 80.0, 'purchase_complete'), (3, 4, 9, 'p', NULL, 'purchase_complete'), "
        "(4, 5, 9, 'p', 7.0, 'search')"
        ") AS t(session_key, event_id, event_ms, product_id, amount_paid, event_name)"
    )
    connection.execute(
        "CREATE TABLE quotes AS SELECT * FROM (VALUES "
        "(1, 1, 10, 0, 'p', 60.0, 50.0), (1, 2, 40, 0, 'p', 45.0, 50.0), "
        "(1, 3, 55, 0, 'p', 10.0, 50.0), (2, 4, 6, 0, 'p', 10.0, 50.0)"
        ") AS t(session_key, event_id, event_ms, event_seq, product_id, price, base_price)"
    )
    # Two units at 45 instead of 50; a product never quoted counts as paid; a quote after the
    # purchase does not count.
    np.testing.assert_allclose(
        base_value(connection, np.array([1, 2, 3, 4, 7])), [110.0, 80.0, 0.0, 0.0, 0.0]
    )
    np.testing.assert_allclose(base_value(connection, np.array([7])), [0.0])
