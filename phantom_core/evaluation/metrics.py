"""Metrics of probabilities: confusion at a threshold, and calibration."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.core.estimate import wilson_interval

N_BINS: Final = 15
LEAST_IN_BIN: Final = 50
N_DRAWS: Final = 100


@dataclass(frozen=True, slots=True)
class Confusion:
    """Sessions by label and predicted class, counts."""

    agents_found: int
    agents_missed: int
    humans_marked: int
    humans_left: int

    @property
    def precision(self) -> float | None:
        """Share of agents among those marked; None when none was."""
        marked = self.agents_found + self.humans_marked
        return self.agents_found / marked if marked else None

    @property
    def recall(self) -> float | None:
        """Share of the agents that was found; None without agents."""
        agents = self.agents_found + self.agents_missed
        return self.agents_found / agents if agents else None


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Sessions of neighbouring probabilities.

    Attributes:
        probability: mean of what was predicted.
        share: share of agents among them.
        share_low: lower end of its 95 % Wilson interval.
        share_high: upper end.
        n_sessions: count.
    """

    probability: float
    share: float
    share_low: float
    share_high: float
    n_sessions: int


def confusion_counts(is_agent: NDArray[np.bool_], is_marked: NDArray[np.bool_]) -> Confusion:
    """Count sessions by label and decision.

    Args:
        is_agent: labels, shape (n_rows,).
        is_marked: decisions, shape (n_rows,).
    """
    return Confusion(
        agents_found=int((is_agent & is_marked).sum()),
        agents_missed=int((is_agent & ~is_marked).sum()),
        humans_marked=int((~is_agent & is_marked).sum()),
        humans_left=int((~is_agent & ~is_marked).sum()),
    )


def brier_score(is_agent: NDArray[np.bool_], probability: Floats) -> float:
    """Mean squared error of probabilities: 0 perfect, 0.25 a coin.

    >>> round(brier_score(np.array([True, False]), np.array([0.9, 0.3])), 3)
    0.05
    """
    return float(np.mean((probability - is_agent) ** 2))


def calibration_error(bins: tuple[CalibrationBin, ...]) -> float:
    """Expected calibration error (ECE): mean |predicted − observed| share, weighted by sessions.

    Source: Naeini, Cooper and Hauskrecht 2015; bins of equal mass as in Roelofs et al. 2022.
    """
    n_sessions = sum(part.n_sessions for part in bins)
    return sum(part.n_sessions * abs(part.probability - part.share) for part in bins) / n_sessions


def calibration_bins(
    is_agent: NDArray[np.bool_],
    probability: Floats,
    n_bins: int = N_BINS,
    n_least: int = LEAST_IN_BIN,
) -> tuple[CalibrationBin, ...]:
    """Split sessions into bins of similar size by probability; equal ones stay together.

    Args:
        is_agent: labels, shape (n_rows,).
        probability: in [0, 1], shape (n_rows,).
        n_bins: count; fewer when there are fewer rows.
        n_least: approximate minimum of sessions in a bin.
    """
    order = np.argsort(probability, kind="stable")
    parts = np.split(order, bin_starts(probability[order], n_bins, n_least)[1:])
    return tuple(_bin(is_agent[part], probability[part]) for part in parts)


def calibration_error_of_chance(
    probability: Floats, rng: np.random.Generator, n_bins: int = N_BINS, n_least: int = LEAST_IN_BIN
) -> float:
    """Mean ECE of perfectly calibrated probabilities: what few sessions alone would show.

    Args:
        probability: in [0, 1], shape (n_rows,).
        rng: draws labels that have these probabilities.
        n_bins: as for `calibration_bins`.
        n_least: as for `calibration_bins`.
    Source: Bröcker and Smith 2007, Increasing the reliability of reliability diagrams.
    """
    ordered = np.sort(probability)
    starts = bin_starts(ordered, n_bins, n_least)
    residuals = ((rng.random(len(ordered)) < ordered) - ordered for _ in range(N_DRAWS))
    return float(
        np.mean([np.abs(np.add.reduceat(residual, starts)).sum() for residual in residuals])
    ) / len(ordered)


def bin_starts(ordered: Floats, n_bins: int, n_least: int) -> NDArray[np.int64]:
    """First row of each bin of rising probabilities; no bin starts between equal ones.

    Args:
        ordered: rising, shape (n_rows,).
        n_bins: count; fewer when there are fewer rows.
        n_least: approximate minimum of rows in a bin.
    """
    n, size = len(ordered), max(n_least, len(ordered) / n_bins)
    runs = np.append(np.flatnonzero(np.diff(ordered)) + 1, n)
    starts = [0]
    while n - starts[-1] >= 1.5 * size:
        starts.append(int(runs[np.searchsorted(runs, starts[-1] + size)]))
    # The rest after many equal ones may be too small, or empty.
    return np.array(starts[:-1] if len(starts) > 1 and n - starts[-1] < size / 2 else starts)


def _bin(is_agent: NDArray[np.bool_], probability: Floats) -> CalibrationBin:
    n, share = len(is_agent), float(is_agent.mean())
    return CalibrationBin(float(probability.mean()), share, *wilson_interval(share, n), n)
