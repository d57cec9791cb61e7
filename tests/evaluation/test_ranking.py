"""Ranking figures agree with hand counts, with scikit-learn, and have valid intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from phantom_core.evaluation.ranking import (
    Ranking,
    precision_recall_points,
    rank_scores,
    roc_auc,
    roc_points,
)

# Of the six pairs of an agent and a human, five are in order.
LABELS = np.array([True, True, False, True, False])
SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.1])


def measured(
    is_agent: np.ndarray,
    score: np.ndarray,
    groups: np.ndarray | None = None,
    n_resamples: int = 200,
) -> Ranking:
    return rank_scores(
        is_agent,
        score,
        np.arange(len(score)) if groups is None else groups,
        np.random.default_rng(0),
        n_resamples,
    )


def test_roc_auc_counts_pairs_in_order() -> None:
    assert measured(LABELS, SCORES).roc_auc.value == pytest.approx(5 / 6)
    assert roc_auc(LABELS, SCORES) == pytest.approx(5 / 6)


def test_average_precision_weighs_the_precision_at_each_agent() -> None:
    assert measured(LABELS, SCORES).pr_auc.value == pytest.approx((1 + 1 + 3 / 4) / 3)


def test_precision_at_80_percent_recall_needs_all_three_agents() -> None:
    assert measured(LABELS, SCORES).precision_at_recall_80.value == pytest.approx(3 / 4)


def test_exactly_80_percent_recall_is_enough() -> None:
    is_agent, score = np.array([True] * 4 + [False, True]), np.arange(6, 0, -1.0)
    assert measured(is_agent, score).precision_at_recall_80.value == 1


def test_equal_scores_count_half_and_are_marked_together() -> None:
    figures = measured(np.array([True, False]), np.array([0.5, 0.5]))
    assert (figures.roc_auc.value, figures.pr_auc.value, figures.precision_at_recall_80.value) == (
        0.5,
        0.5,
        0.5,
    )


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=50).filter(
        lambda rows: len({y for _, y in rows}) == 2
    )
)
def test_figures_agree_with_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    score, is_agent = (np.array(column) for column in zip(*rows, strict=True))
    figures = measured(is_agent, score.astype(float), n_resamples=50)
    assert figures.roc_auc.value == pytest.approx(roc_auc_score(is_agent, score))
    assert figures.pr_auc.value == pytest.approx(average_precision_score(is_agent, score))


def test_the_interval_holds_the_value_and_narrows_with_data() -> None:
    rng = np.random.default_rng(1)
    widths = []
    for n in (100, 10_000):
        is_agent = rng.random(n) < 0.5
        auc = measured(is_agent, rng.normal(is_agent)).roc_auc
        assert auc.low < auc.value < auc.high
        widths.append(auc.high - auc.low)
    assert widths[0] > 5 * widths[1]


def test_the_interval_matches_the_known_spread_of_the_auc() -> None:
    rng = np.random.default_rng(2)
    is_agent = np.arange(2_000) % 2 == 0
    auc = measured(is_agent, rng.normal(is_agent), n_resamples=1_000).roc_auc
    # Hanley and McNeil 1982, standard error of an AUC.
    a, n = auc.value, 1_000
    variance = (a * (1 - a) + (n - 1) * (a / (2 - a) - a**2 + 2 * a**2 / (1 + a) - a**2)) / n**2
    assert auc.high - auc.low == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.1)


def test_sessions_of_one_actor_are_drawn_together_so_the_interval_is_wider() -> None:
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(50), 20)
    is_agent = groups % 2 == 0
    score = rng.normal(is_agent + rng.normal(0, 2, 50)[groups])
    alone, together = (
        measured(is_agent, score, actors).roc_auc for actors in (np.arange(1_000), groups)
    )
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_curves_run_from_corner_to_corner_and_are_thinned() -> None:
    rng = np.random.default_rng(4)
    is_agent = rng.random(5_000) < 0.4
    score = rng.normal(is_agent)
    roc, precision_recall = roc_points(is_agent, score), precision_recall_points(is_agent, score)
    assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]) == (0, 0, 1, 1)
    assert precision_recall.x[0] == 0
    assert (precision_recall.x[-1], precision_recall.y[-1]) == pytest.approx(
        (1, is_agent.mean()), abs=0.01
    )
    assert max(len(roc.x), len(precision_recall.x)) <= 200
    assert np.trapezoid(roc.y, roc.x) == pytest.approx(roc_auc(is_agent, score), abs=0.002)


@pytest.mark.slow
@pytest.mark.parametrize("n_per_actor", [1, 40])
def test_intervals_of_many_rows_are_as_wide_from_blocks_and_bins_as_from_rows(
    n_per_actor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    groups = np.arange(20_000) // n_per_actor
    is_agent = groups % 3 == 0
    score = rng.normal(0, 1, groups.max() + 1)[groups] + rng.normal(is_agent)
    by_row = measured(is_agent, score, groups)
    monkeypatch.setattr("phantom_core.evaluation.ranking.ROWS_TO_BIN", 10_000)
    by_bin = measured(is_agent, score, groups, n_resamples=1_000)
    for exact, binned in ((by_row.roc_auc, by_bin.roc_auc), (by_row.pr_auc, by_bin.pr_auc)):
        assert binned.value == exact.value
        assert binned.low < binned.value < binned.high
        assert binned.high - binned.low == pytest.approx(exact.high - exact.low, rel=0.2)
