"""Label shift: the share of agents in traffic whose mix differs from that of the labels.

A calibrated P(agent) holds for the mix it was calibrated on. Where the same kinds of shoppers come
in another mix, the probabilities of all sessions still determine the share, and the share corrects
the probabilities.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.estimate import Estimate
from phantom_core.core.resampling import (
    count_some,
    make_blocks,
    quantile_interval,
)
from phantom_core.models.curves import TINY

N_RESAMPLES: Final = 300
# Sessions are binned by P(agent), so that an iteration costs the same for any number of them.
N_BINS: Final = 30
N_FIT_BINS: Final = 12
LEAST_SESSIONS: Final = 50
# Below this, chance alone hardly explains the difference.
SURE: Final = 0.01
# A smaller share of sessions that fit no mix moves the estimated share little.
LEAST_MISFIT: Final = 0.05
_ITERATIONS: Final = 400
_CLOSE: Final = 1e-6
# Sessions of either class that every bin is given in advance: no bin is proof.
_SMOOTH: Final = 0.5


@dataclass(frozen=True, slots=True)
class AgentMix:
    """Share of agents among sessions without a label, where only the mix differs from the labels'.

    Attributes:
        sessions: without a label, count.
        labelled: share of agents among the labelled sessions of the classifier.
        counted: mean P(agent) as calibrated on the labels.
        share: corrected for the mix, with an interval over actors.
        p_same: probability of a difference from the labelled share this large by chance.
        p_fits: probability of scores this far from any mix of labelled humans and labelled agents
            by chance.
        misfit: share of sessions whose scores would have to be others for such a mix: the total
            variation distance from the nearest one, in [0, 1].
    """

    sessions: int
    labelled: float
    counted: Estimate
    share: Estimate
    p_same: float
    p_fits: float
    misfit: float

    @property
    def has_shifted(self) -> bool:
        """Whether the mix is significantly another one."""
        return self.p_same < SURE

    @property
    def is_known(self) -> bool:
        """Whether the scores look like a mix of the labelled kinds at all.

        Scores out of fold are slightly others than those of the final model, so a small misfit is
        none, however many sessions prove it.
        """
        return self.p_fits >= SURE or self.misfit < LEAST_MISFIT

    @property
    def warning(self) -> str:
        """What to beware of, in sentences; empty where the mix is that of the labels."""
        if not self.is_known:
            return (
                f"The scores of {self.sessions:,} sessions without a label are no mix of the "
                "labelled humans and agents: kinds of shoppers have changed, not only their "
                "shares. How many are agents cannot be known from these labels: counted "
                f"{self.counted.value:.1%}, corrected for the mix {self.share.value:.1%}. Label "
                "some recent sessions and train again."
            )
        if self.has_shifted:
            return (
                f"Sessions without a label are another mix than the labelled ones: "
                f"{self.share.value:.1%} agents ({self.share.low:.1%} to {self.share.high:.1%}) "
                f"instead of {self.labelled:.1%}. Without the correction they would count as "
                f"{self.counted.value:.1%}. It holds if only the shares changed, not the kinds of "
                "shoppers."
            )
        return ""


@dataclass(frozen=True, slots=True, eq=False)
class MixCorrection:
    """A mix, and what it does to probabilities.

    Attributes:
        mix: as estimated.
        factors: on the odds of being an agent, in each resample, shape (N_RESAMPLES,).
    """

    mix: AgentMix
    factors: Floats

    @property
    def factor(self) -> float:
        """On the odds of being an agent."""
        return odds(self.mix.share.value) / odds(self.mix.labelled)

    def corrected(self, probability: Floats) -> Floats:
        """Probabilities for the estimated mix; NaN stays NaN."""
        return shift_odds(probability, self.factor)


def odds(share: float) -> float:
    """Odds of a share, clipped away from 0 and 1.

    >>> odds(0.75)
    3.0
    """
    clipped = min(max(share, TINY), 1 - TINY)
    return clipped / (1 - clipped)


def shift_odds(probability: Floats, factor: float | Floats) -> Floats:
    """Probabilities whose odds are multiplied.

    >>> shift_odds(np.array([0.5]), 1 / 3).tolist()
    [0.25]
    """
    return np.asarray(probability * factor / (1 - probability + probability * factor))


def estimate_mix(
    probability: Floats,
    actor: Ints,
    labelled_probability: Floats,
    is_agent: NDArray[np.bool_],
    labelled_actor: Ints,
    rng: np.random.Generator,
) -> MixCorrection | None:
    """Estimate the share of agents among sessions without a label.

    Args:
        probability: calibrated P(agent) of the sessions without a label, shape (n,).
        actor: of each, shape (n,).
        labelled_probability: out-of-fold P(agent) of the labelled sessions, shape (m,).
        is_agent: their labels, shape (m,).
        labelled_actor: of each, shape (m,).
        rng: draws resamples of actors.
    Returns:
        None with fewer than LEAST_SESSIONS.
    Source: Saerens, Latinne and Decaestecker 2002, Adjusting the outputs of a classifier to new a
        priori probabilities; Alexandari, Kundaje and Shrikumar 2020, maximum likelihood with
        calibration.
    """
    if min(len(probability), len(is_agent)) < LEAST_SESSIONS:
        return None
    edges = _edges(labelled_probability, N_BINS)
    target = _counted(probability, make_blocks(actor, rng), edges)
    block = make_blocks(labelled_actor, rng)
    n_blocks = int(block.max()) + 1
    humans, agents = (
        _counted(labelled_probability[kind], block[kind], edges, n_blocks)
        for kind in (~is_agent, is_agent)
    )
    labelled = float(is_agent.mean())
    [share] = _solve(*(one.sum(axis=0)[None, :] for one in (target, humans, agents)))
    shares, labelled_shares = [], []
    most = max(len(target), n_blocks)
    for times, again in zip(
        _resamples(len(target), rng, most), _resamples(n_blocks, rng, most), strict=True
    ):
        kinds = again @ humans, again @ agents
        shares.append(_solve(times @ target, *kinds))
        labelled_shares.append(kinds[1].sum(axis=1) / (kinds[0] + kinds[1]).sum(axis=1))
    block = make_blocks(actor, rng)
    sums, sizes = np.bincount(block, probability), np.bincount(block)
    means = [times @ sums / (times @ sizes) for times in _resamples(len(sizes), rng)]
    drawn, was = np.concatenate(shares), np.concatenate(labelled_shares)
    mix = AgentMix(
        len(probability),
        labelled,
        quantile_interval(float(probability.mean()), np.concatenate(means)),
        quantile_interval(float(share), drawn),
        _p_same(float(share) - labelled, drawn - was),
        *_fit((probability, actor), labelled_probability, is_agent, labelled_actor, rng),
    )
    return MixCorrection(mix, _odds_of(drawn) / _odds_of(was))


def _odds_of(shares: Floats) -> Floats:
    clipped = np.clip(shares, TINY, 1 - TINY)
    return np.asarray(clipped / (1 - clipped))


def _edges(probability: Floats, n_bins: int) -> Floats:
    """Inner edges of bins of similar numbers of labelled sessions."""
    return np.unique(np.quantile(probability, np.linspace(0, 1, n_bins + 1)[1:-1]))


def _counted(
    probability: Floats, block: Ints, edges: Floats, n_blocks: int | None = None
) -> Floats:
    """Sessions by block of actors and bin, shape (n_blocks, n_bins)."""
    at, n_bins = np.searchsorted(edges, probability, side="right"), len(edges) + 1
    rows = int(block.max()) + 1 if n_blocks is None else n_blocks
    counts = np.bincount(block * n_bins + at, minlength=rows * n_bins)
    return counts.reshape(rows, n_bins).astype(np.float64)


def _solve(target: Floats, humans: Floats, agents: Floats) -> Floats:
    """Most likely share of each resample, by expectation-maximisation.

    The labelled sessions of a bin calibrate it, so that what is uncertain of the calibration is in
    the resamples too.

    Args:
        target: sessions by resample and bin, shape (n_resamples, n_bins).
        humans: sessions labelled human, of the same shape.
        agents: sessions labelled agent, of the same shape.
    """
    human, agent = (
        (kind + _SMOOTH) / (kind + _SMOOTH).sum(axis=1, keepdims=True) for kind in (humans, agents)
    )
    total, share = target.sum(axis=1), np.full(len(target), 0.5)
    for _ in range(_ITERATIONS):
        joint = share[:, None] * agent
        found = (target * joint / (joint + (1 - share[:, None]) * human)).sum(axis=1) / total
        if np.abs(found - share).max() < _CLOSE:
            return np.asarray(found)
        share = found
    return np.asarray(share)


def _p_same(difference: float, drawn: Floats) -> float:
    """Two-sided probability of a difference this large by chance, normal."""
    return float(2 * stats.norm.sf(abs(difference) / max(float(drawn.std()), TINY)))


def _fit(
    found: tuple[Floats, Ints],
    labelled_probability: Floats,
    is_agent: NDArray[np.bool_],
    labelled_actor: Ints,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Probability that a mix of the labelled classes is as far from its best fit by chance, and how
    far the sessions are.

    A Wald statistic of the shares of sessions by bin of P(agent), given the best mix of the two
    labelled distributions; covariances are over actors, of both samples.
    """
    probability, actor = found
    edges = _edges(labelled_probability, N_FIT_BINS)
    n_bins = len(edges) + 1
    target = _shares(probability, actor, edges, n_bins, rng)
    classes = [
        _shares(labelled_probability[kind], labelled_actor[kind], edges, n_bins, rng)
        for kind in (~is_agent, is_agent)
    ]
    humans, agents = (one.mean for one in classes)
    share, spread = 0.5, np.eye(n_bins)
    for _ in range(20):  # the covariance depends on the share
        spread = (
            target.covariance
            + (1 - share) ** 2 * classes[0].covariance
            + share**2 * classes[1].covariance
        )
        inverse = np.linalg.pinv(spread, rcond=1e-8)
        direction = agents - humans
        share = float(
            np.clip(
                direction @ inverse @ (target.mean - humans) / (direction @ inverse @ direction),
                0,
                1,
            )
        )
    gap = target.mean - humans - share * (agents - humans)
    statistic = float(gap @ np.linalg.pinv(spread, rcond=1e-8) @ gap)
    p_fits = float(stats.chi2.sf(statistic, max(n_bins - 2, 1)))
    return p_fits, float(np.abs(gap).sum() / 2)


@dataclass(frozen=True, slots=True, eq=False)
class _BinShares:
    mean: Floats
    covariance: Floats


def _shares(
    probability: Floats, actor: Ints, edges: Floats, n_bins: int, rng: np.random.Generator
) -> _BinShares:
    """Share of sessions in each bin, and its covariance over actors."""
    at, block = np.searchsorted(edges, probability, side="right"), make_blocks(actor, rng)
    n_blocks = int(block.max()) + 1
    counts = np.bincount(block * n_bins + at, minlength=n_blocks * n_bins)
    counts = counts.reshape(n_blocks, n_bins).astype(np.float64)
    mean = counts.sum(axis=0) / counts.sum()
    residual = counts - counts.sum(axis=1, keepdims=True) * mean
    correction = n_blocks / max(n_blocks - 1, 1)
    return _BinShares(mean, correction * residual.T @ residual / counts.sum() ** 2)


def _resamples(
    n_units: int, rng: np.random.Generator, n_rows: int | None = None
) -> Iterator[Floats]:
    return count_some(n_units, N_RESAMPLES, rng, n_rows)
