"""Ranking: how well a score puts agents above humans, with intervals from resampled actors."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from phantom_core.core.arrays import Floats
from phantom_core.core.estimate import Estimate
from phantom_core.core.resampling import N_BLOCKS, count_draws, count_some, quantile_interval

N_RESAMPLES: Final = 1_000
N_PAIRED: Final = 200
RECALL: Final = 0.8
CURVE_POINTS: Final = 200
# Above this many rows, blocks of actors are drawn and scores binned.
ROWS_TO_BIN: Final = 50_000
N_SCORE_BINS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well a score ranks.

    Attributes:
        roc_auc: probability that an agent scores above a human, ties counting half.
        pr_auc: average precision.
        precision_at_recall_80: precision at the highest threshold that finds 80 % of the agents.
    """

    roc_auc: Estimate
    pr_auc: Estimate
    precision_at_recall_80: Estimate


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of a line, thinned for drawing."""

    x: tuple[float, ...]
    y: tuple[float, ...]


def rank_scores(
    is_agent: NDArray[np.bool_],
    score: Floats,
    groups: NDArray[np.int64],
    rng: np.random.Generator,
    n_resamples: int = N_RESAMPLES,
) -> Ranking:
    """Measure a score against labels.

    Args:
        is_agent: labels with both classes, shape (n_rows,).
        score: higher means more of an agent, shape (n_rows,).
        groups: actor of each row; actors are resampled, not rows, shape (n_rows,).
        rng: draws the resamples.
        n_resamples: count.
    Source: Efron and Tibshirani 1993, percentile intervals; Field and Welsh 2007, bootstrapping
        clusters.
    """
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    point = _figures(*_counts(np.ones((1, len(order))), is_agent[order], ends))
    if len(order) > ROWS_TO_BIN:
        drawn = _binned_resamples(is_agent[order], ends, groups[order], rng, n_resamples)
    else:
        drawn = [
            _figures(*_counts(weights, is_agent[order], ends))
            for weights in _resamples(groups[order], rng, n_resamples)
        ]
    return Ranking(*map(quantile_interval, point[0], np.concatenate(drawn).T))


def roc_auc(is_agent: NDArray[np.bool_], score: Floats) -> float:
    """Probability that an agent scores above a human, ties counting half.

    >>> roc_auc(np.array([True, True, False]), np.array([0.9, 0.2, 0.2]))
    0.75
    """
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    return float(_figures(*_counts(np.ones((1, len(order))), is_agent[order], ends))[0, 0])


def auc_difference(
    is_agent: NDArray[np.bool_],
    scores: tuple[Floats, Floats],
    groups: NDArray[np.int64],
    rng: np.random.Generator,
    n_resamples: int = N_PAIRED,
) -> Estimate:
    """ROC-AUC of one score minus that of another, on the same resampled actors.

    Args:
        is_agent: labels with both classes, shape (n_rows,).
        scores: the one and the other, each of shape (n_rows,).
        groups: actor of each row, shape (n_rows,).
        rng: draws the resamples.
        n_resamples: count.
    """
    point = roc_auc(is_agent, scores[0]) - roc_auc(is_agent, scores[1])
    drawn: list[Floats] = []
    for weights in _resamples(groups, rng, n_resamples):
        one, other = (_weighted_auc(weights, is_agent, score) for score in scores)
        drawn.append(one - other)
    return quantile_interval(point, np.concatenate(drawn))


def _weighted_auc(weights: Floats, is_agent: NDArray[np.bool_], score: Floats) -> Floats:
    """ROC-AUC of each resample, shape (n_resamples,)."""
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    return _figures(*_counts(weights[:, order], is_agent[order], ends))[:, 0]


def roc_points(is_agent: NDArray[np.bool_], score: Floats) -> Curve:
    """The ROC curve: share of humans marked against share of agents found."""
    false_alarms, found, _ = roc_curve(is_agent, score)
    return _thinned(false_alarms, found)


def precision_recall_points(is_agent: NDArray[np.bool_], score: Floats) -> Curve:
    """The precision-recall curve: recall against precision."""
    precision, recall, _ = precision_recall_curve(is_agent, score)
    return _thinned(recall[::-1], precision[::-1])


def _resamples(
    groups: NDArray[np.int64], rng: np.random.Generator, n_resamples: int
) -> Iterator[Floats]:
    """How often each row is drawn, some resamples at a time, shape (n_some, n_rows)."""
    actors, actor_of_row = np.unique(groups, return_inverse=True)
    for times in count_some(len(actors), n_resamples, rng, len(groups)):
        yield times[:, actor_of_row]


def _binned_resamples(
    is_agent: NDArray[np.bool_],
    ends: NDArray[np.int64],
    groups: NDArray[np.int64],
    rng: np.random.Generator,
    n_resamples: int,
) -> list[Floats]:
    """Figures of resamples of many rows: blocks of whole actors are drawn, and scores binned.

    Many actors, assigned at random to blocks, vary together as much as they do alone; equal scores
    stay in one bin.

    Args:
        is_agent: shape (n_rows,), rows from the highest score to the lowest.
        ends: last row of each run of equal scores.
        groups: actor of each row, shape (n_rows,).
        rng: assigns the blocks and draws them.
        n_resamples: count.
    """
    actors, actor_of_row = np.unique(groups, return_inverse=True)
    n_blocks = min(len(actors), N_BLOCKS)
    block = (rng.permutation(len(actors)) % n_blocks)[actor_of_row]
    starts = np.append(0, ends[:-1] + 1)
    score_bin = np.repeat(
        starts * N_SCORE_BINS // len(groups), np.diff(np.append(starts, len(groups)))
    )
    cell, shape = block * N_SCORE_BINS + score_bin, (n_blocks, N_SCORE_BINS)
    agents, humans = (
        np.bincount(cell[kind], minlength=n_blocks * N_SCORE_BINS).reshape(shape)
        for kind in (is_agent, ~is_agent)
    )
    times = count_draws(n_blocks, n_resamples, rng)
    return [
        _figures(
            *(np.cumsum(times @ counts.astype(np.float64), axis=1) for counts in (agents, humans))
        )
    ]


def _counts(
    weights: Floats, is_agent: NDArray[np.bool_], ends: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Agents and humans down to each score.

    Args:
        weights: shape (n_resamples, n_rows), rows from the highest score to the lowest.
        is_agent: shape (n_rows,).
        ends: last row of each run of equal scores.
    Returns:
        Two of shape (n_resamples, n_scores).
    """
    return np.cumsum(weights * is_agent, axis=1)[:, ends], np.cumsum(weights * ~is_agent, axis=1)[
        :, ends
    ]


def _figures(found: Floats, false_alarms: Floats) -> Floats:
    """ROC-AUC, average precision and precision at a recall.

    Args:
        found: agents down to each score, shape (n_resamples, n_scores).
        false_alarms: humans down to each score, shape (n_resamples, n_scores).
    Returns:
        Shape (n_resamples, 3); NaN where a class was not drawn.
    """
    n_agents, n_humans = found[:, -1], false_alarms[:, -1]
    found_before = np.pad(found[:, :-1], ((0, 0), (1, 0)))
    steps = np.diff(false_alarms, prepend=0, axis=1)
    precision = found / np.maximum(found + false_alarms, 1)
    at_recall = np.argmax(found >= RECALL * n_agents[:, None] - 1e-9, axis=1)
    with np.errstate(invalid="ignore"):
        auc = (steps * (found + found_before)).sum(axis=1) / (2 * n_agents * n_humans)
        average_precision = ((found - found_before) * precision).sum(axis=1) / n_agents
    figures = np.column_stack([auc, average_precision, precision[np.arange(len(found)), at_recall]])
    figures[(n_agents == 0) | (n_humans == 0)] = np.nan
    return figures


def _thinned(x: Floats, y: Floats) -> Curve:
    """At most CURVE_POINTS points, the first and the last among them."""
    shown = np.unique(np.linspace(0, len(x) - 1, CURVE_POINTS).round().astype(np.int64))
    return Curve(tuple(x[shown].tolist()), tuple(y[shown].tolist()))
