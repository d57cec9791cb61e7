"""Baselines are fitted and evaluated on the same folds."""

import numpy as np
import pyarrow as pa
import pytest

from phantom_core.evaluation.baselines import (
    BestFeature,
    best_feature,
    kernel_scores,
    logistic_scores,
    velocity_rule,
)
from phantom_core.evaluation.ranking import roc_auc
from phantom_core.models.classifier import LabelledRows

N = 300
IS_AGENT = np.arange(N) % 2 == 0
FOLD = np.arange(N) // 2 % 3


def test_the_velocity_rule_marks_more_than_five_events_a_minute() -> None:
    velocity = np.array([6.0, 9.0, 5.0, 7.0, np.nan, np.nan])
    is_agent = np.array([True, True, True, False, False, True])
    rule = velocity_rule(velocity, is_agent, np.arange(6), np.random.default_rng(0))
    assert (rule.precision, rule.recall) == (2 / 3, 2 / 4)
    # Agents 6, 9, 5 and undefined (lowest) against humans 7 and undefined: 0.5 of a tie, 4 pairs in
    # order of 8.
    assert rule.roc_auc.value == pytest.approx(4.5 / 8)


def test_a_rule_that_marks_no_session_has_no_precision() -> None:
    rule = velocity_rule(
        np.array([1.0, 2.0]), np.array([True, False]), np.arange(2), np.random.default_rng(0)
    )
    assert (rule.precision, rule.recall) == (None, 0)


def test_the_best_feature_may_rank_either_way_round_and_undefined_is_lowest() -> None:
    values = np.array([[1, 5, 0], [2, 6, 1], [np.nan, 7, 2], [np.nan, 4, 2]], dtype=np.float32)
    rows = LabelledRows(
        values,
        ("item_views", "cart_adds", "browser_family"),
        np.array([False, False, True, True]),
        np.arange(4),
    )
    assert best_feature(rows) == BestFeature("item_views", 1.0)
    assert best_feature(rows.only(["browser_family"])).roc_auc == 1.0  # Safari or not
    assert best_feature(rows.only(["cart_adds"])).roc_auc == 0.5


def test_logistic_regression_uses_values_categories_and_the_fact_that_one_is_missing() -> None:
    rng = np.random.default_rng(0)
    by_value = np.column_stack([rng.normal(3 * IS_AGENT), np.zeros(N)])
    by_category = np.column_stack(
        [rng.normal(size=N), np.where(IS_AGENT, 2, rng.integers(0, 2, N))]
    )
    by_absence = np.column_stack([np.where(IS_AGENT, np.nan, 0), np.full(N, np.nan)])
    for values in (by_value, by_category, by_absence):
        rows = LabelledRows(
            values.astype(np.float32), ("item_views", "browser_family"), IS_AGENT, np.arange(N)
        )
        assert roc_auc(IS_AGENT, logistic_scores(rows, FOLD)) > 0.95


def test_scores_of_a_fold_do_not_depend_on_its_own_labels() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(IS_AGENT[:, None], size=(N, 2)).astype(np.float32)
    sequences = pa.array([["search"] * int(n) + ["click"] for n in rng.integers(1, 5, N)])
    wrong = np.where(FOLD == 0, ~IS_AGENT, IS_AGENT)
    honest, flipped = (
        (
            logistic_scores(
                LabelledRows(values, ("item_views", "cart_adds"), labels, np.arange(N)), FOLD
            ),
            kernel_scores(sequences, labels, FOLD),
        )
        for labels in (IS_AGENT, wrong)
    )
    for a, b in zip(honest, flipped, strict=True):
        np.testing.assert_array_equal(a[FOLD == 0], b[FOLD == 0])


def test_kernels_separate_classes_by_the_order_of_their_events() -> None:
    sequences = pa.array(
        [
            ["search", "click", "click"] if agent else ["click", "click", "search"]
            for agent in IS_AGENT
        ]
    )
    assert roc_auc(IS_AGENT, kernel_scores(sequences, IS_AGENT, FOLD)) == 1
