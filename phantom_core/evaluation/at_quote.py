"""At the quote: how good P(agent) is at the moments at which prices are set.

Figures are out of fold. Intervals resample actors, and all figures of a slice use the same
resamples.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.estimate import Estimate
from phantom_core.core.resampling import count_draws, quantile_interval
from phantom_core.evaluation.metrics import LEAST_IN_BIN, N_BINS, bin_starts
from phantom_core.evaluation.quote_figures import ALL, MONEY, QuoteFigures, QuoteSlice
from phantom_core.evaluation.quote_moments import SessionsAtQuotes
from phantom_core.models.event_curves import BAND_STARTS, band_name

# With fewer quotes of a class, or fewer actors, an interval is meaningless.
LEAST_OF_A_KIND: Final = 10
N_RESAMPLES: Final = 300
N_BLOCKS: Final = 500
N_SCORE_BINS: Final = 500
N_CHANCE: Final = 50


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    is_agent: NDArray[np.bool_]
    at_quote: Floats
    whole_session: Floats
    weight: Floats
    session: Ints
    actor: Ints

    def __getitem__(self, rows: NDArray[np.bool_]) -> "_Rows":
        return _Rows(
            self.is_agent[rows],
            self.at_quote[rows],
            self.whole_session[rows],
            self.weight[rows],
            self.session[rows],
            self.actor[rows],
        )


def measure_slices(
    found: SessionsAtQuotes,
    is_agent: NDArray[np.bool_],
    actor: Ints,
    at_quote: Floats,
    whole_session: Floats,
    rng: np.random.Generator,
) -> tuple[QuoteSlice, ...]:
    """Measure probabilities at quotes: all, by events so far, and by considered money.

    Args:
        found: the quotes.
        is_agent: label of each, shape (n_quotes,).
        actor: of each, shape (n_quotes,).
        at_quote: out-of-fold probability by the model for quotes, shape (n_quotes,).
        whole_session: the same by the model for whole sessions, shape (n_quotes,).
        rng: draws the resamples.
    """
    rows = _Rows(
        is_agent, at_quote, whole_session, np.ones(len(actor)), found.moments.session, actor
    )
    chosen = [(ALL, rows)]
    chosen += [(band_name(k), rows[found.band == k]) for k in range(len(BAND_STARTS))]
    money = found.moments.money
    weighed = _Rows(is_agent, at_quote, whole_session, money, found.moments.session, actor)
    chosen.append((MONEY, weighed[money > 0]))
    return tuple(_measured(name, some, rng) for name, some in chosen if _is_enough(some))


def _is_enough(rows: _Rows) -> bool:
    return all(
        np.unique(rows.actor[kind]).size >= LEAST_OF_A_KIND
        for kind in (rows.is_agent, ~rows.is_agent)
    )


def _measured(name: str, rows: _Rows, rng: np.random.Generator) -> QuoteSlice:
    _, number = np.unique(rows.actor, return_inverse=True)
    n_blocks = min(N_BLOCKS, int(number.max()) + 1)
    block = (rng.permutation(int(number.max()) + 1) % n_blocks)[number]
    times = count_draws(n_blocks, N_RESAMPLES, rng)
    share = float(np.average(rows.is_agent, weights=rows.weight))
    return QuoteSlice(
        name,
        len(rows.is_agent),
        np.unique(rows.session).size,
        share,
        share * (1 - share),
        _ece_of_chance(rows, rng),
        _figures(rows, rows.at_quote, block, times),
        _figures(rows, rows.whole_session, block, times),
    )


def _figures(rows: _Rows, probability: Floats, block: Ints, times: Floats) -> QuoteFigures:
    """Figures of one model, each with its interval.

    Args:
        rows: labels and weights.
        probability: shape (n_quotes,).
        block: of actors, of each quote, shape (n_quotes,).
        times: how often each block is drawn, shape (n_resamples, n_blocks).
    """
    n_blocks, weight = times.shape[1], rows.weight
    square = weight * (probability - rows.is_agent) ** 2
    squares, weights = (np.bincount(block, one, minlength=n_blocks) for one in (square, weight))
    gap = _by_block(weight * (probability - rows.is_agent), _bins(probability), block, n_blocks)
    agents, humans = (
        _by_block(weight * kind, _score_bins(probability), block, n_blocks)
        for kind in (rows.is_agent, ~rows.is_agent)
    )
    total = times @ weights
    ece = np.abs(np.tensordot(times, gap, 1)).sum(axis=1) / total
    return QuoteFigures(
        quantile_interval(
            weighted_auc(rows.is_agent, probability, weight), _auc(times @ agents, times @ humans)
        ),
        _unbiased(float(np.abs(gap.sum(axis=0)).sum() / weight.sum()), ece),
        quantile_interval(float(square.sum() / weight.sum()), times @ squares / total),
    )


def weighted_auc(is_agent: NDArray[np.bool_], score: Floats, weight: Floats) -> float:
    """Probability that a drawn agent's quote scores above a drawn human's, ties counting half.

    Args:
        is_agent: labels with both classes, shape (n,).
        score: shape (n,).
        weight: with which each is drawn, shape (n,).

    >>> one = np.array([True, False, False])
    >>> weighted_auc(one, np.array([0.5, 0.1, 0.9]), np.array([1.0, 3.0, 1.0]))
    0.75
    """
    _, at = np.unique(score, return_inverse=True)
    agents, humans = (
        np.asarray(np.bincount(at, weight * kind), np.float64) for kind in (is_agent, ~is_agent)
    )
    return float(_auc(agents[None, :], humans[None, :])[0])


def _auc(agents: Floats, humans: Floats) -> Floats:
    """ROC-AUC from weights by rising score, shape (n_resamples, n_scores) each."""
    n_agents, n_humans = agents.sum(axis=1), humans.sum(axis=1)
    above = n_agents[:, None] - np.cumsum(agents, axis=1) + agents / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((humans * above).sum(axis=1) / (n_agents * n_humans))


def _by_block(value: Floats, column: Ints, block: Ints, n_blocks: int) -> Floats:
    """Sums by block and column, shape (n_blocks, n_columns)."""
    n_columns = int(column.max()) + 1
    sums = np.bincount(block * n_columns + column, value, minlength=n_blocks * n_columns)
    return np.asarray(sums, np.float64).reshape(n_blocks, n_columns)


def _bins(probability: Floats, n_bins: int = N_BINS, n_least: int = LEAST_IN_BIN) -> Ints:
    """Bin of each probability; bins hold similar numbers, and equal ones stay together."""
    ordered = np.sort(probability)
    starts = ordered[bin_starts(ordered, n_bins, n_least)]
    return np.asarray(np.searchsorted(starts, probability, side="right") - 1)


def _score_bins(probability: Floats) -> Ints:
    return _bins(probability, N_SCORE_BINS, 1)


def _unbiased(value: float, drawn: Floats) -> Estimate:
    """The interval of an error that resampling inflates: its bias is taken off.

    Source: Efron and Tibshirani 1993, the bootstrap estimate of bias.
    """
    found = quantile_interval(value, drawn - (drawn.mean() - value))
    return Estimate(value, max(0.0, found.low), found.high)


def _ece_of_chance(rows: _Rows, rng: np.random.Generator) -> float:
    """Mean ECE had every session's class been drawn from its probabilities.

    The quotes of a session share its class, so their errors do not cancel as independent ones do.
    """
    column, (_, number) = _bins(rows.at_quote), np.unique(rows.session, return_inverse=True)
    found = []
    for _ in range(N_CHANCE):
        is_agent = rng.random(int(number.max()) + 1)[number] < rows.at_quote
        gap = np.bincount(column, rows.weight * (is_agent - rows.at_quote))
        found.append(np.abs(gap).sum() / rows.weight.sum())
    return float(np.mean(found))
