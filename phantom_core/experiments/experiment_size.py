"""Experiment size: how many sessions it takes to see an effect, looking once at the end, or looking
all the time.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from phantom_core.core.errors import InputError
from phantom_core.experiments.confidence_sequence import sequence_radius

_LARGEST: Final = 10**10


@dataclass(frozen=True, slots=True)
class Baseline:
    """What sessions bring today.

    Attributes:
        mean: of the outcome of a session, above 0.
        sd: its standard deviation.
        per_day: sessions a day that would take part; NaN where unknown.
    """

    mean: float
    sd: float
    per_day: float = math.nan


@dataclass(frozen=True, slots=True)
class Size:
    """How long an experiment takes.

    Attributes:
        sessions: in all arms together, if somebody may look at any time; the effect is then seen
            with the power asked for.
        sessions_once: if somebody looked once, at the end.
        days, days_once: the same in days; NaN where nobody knows how many sessions come.
    """

    sessions: int
    sessions_once: int
    days: float
    days_once: float


def size_of(
    baseline: Baseline,
    effect: float,
    shares: Sequence[float],
    *,
    alpha: float = 0.05,
    power: float = 0.8,
) -> Size:
    """Sessions needed to see an effect in every new arm against the first.

    Args:
        baseline: of the outcome.
        effect: relative, such as 0.05; its sign does not matter.
        shares: of the arms, the one they are compared with first; they add up to 1.
        alpha: probability of ever seeing an effect that is not there, over all arms.
        power: probability of seeing one that is.
    Raises:
        InputError: figures that mean nothing, or an effect too small to be seen.
    Source: Bonferroni over the arms; z-test sizes as in any textbook; the width of
        `confidence_sequence.radius`.
    """
    _check(baseline, effect, shares, alpha, power)
    level = alpha / (len(shares) - 1)
    delta = abs(effect) * baseline.mean
    found = [_pair(baseline.sd, delta, shares[0], share, level, power) for share in shares[1:]]
    once, always = (math.ceil(max(pair[k] for pair in found)) for k in (0, 1))
    return Size(always, once, always / baseline.per_day, once / baseline.per_day)


def smallest_effect(
    baseline: Baseline,
    sessions: int,
    shares: Sequence[float],
    *,
    alpha: float = 0.05,
    power: float = 0.8,
) -> float:
    """Relative effect that so many sessions show with some power, when somebody may look at any
    time.
    """
    level = alpha / (len(shares) - 1)
    least = min(shares[1:])
    n = sessions * (shares[0] + least)
    return _needed(n, _variance(baseline.sd, shares[0], least), level, power) / baseline.mean


def _pair(
    sd: float, delta: float, control: float, treated: float, alpha: float, power: float
) -> tuple[float, float]:
    """Sessions of all arms until two of them are told apart: looking once, and at any time."""
    variance, of_all = _variance(sd, control, treated), control + treated
    normal = NormalDist()
    once = variance * ((normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)) / delta) ** 2
    low, high = 1.0, 2.0
    while _needed(high, variance, alpha, power) > delta:
        low, high = high, 2 * high
        if high > _LARGEST:
            raise InputError(
                "No number of sessions would show so small an effect.",
                hint="Look for a larger one.",
            )
    while high - low > 1:
        middle = (low + high) / 2
        low, high = (
            (middle, high) if _needed(middle, variance, alpha, power) > delta else (low, middle)
        )
    return once / of_all, high / of_all


def _variance(sd: float, control: float, treated: float) -> float:
    """Of a session's term of the difference."""
    share = treated / (control + treated)
    return sd**2 * (1 / share + 1 / (1 - share))


def _needed(n: float, variance: float, alpha: float, power: float) -> float:
    """Difference that n sessions of two arms show with some power."""
    half = float(sequence_radius(np.array([n]), alpha, n)[0])
    return math.sqrt(variance) * (half + NormalDist().inv_cdf(power) / math.sqrt(n))


def _check(
    baseline: Baseline, effect: float, shares: Sequence[float], alpha: float, power: float
) -> None:
    if not (baseline.mean > 0 and baseline.sd > 0):
        raise InputError(
            "Without purchases there is nothing to compare with.",
            hint="Wait for sessions that buy, or state a baseline.",
        )
    if not 0 < abs(effect) < math.inf:
        raise InputError(
            "An effect of 0 is never seen.",
            hint="Name the smallest one that matters, such as 0.05.",
        )
    if len(shares) < 2 or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise InputError(
            "An experiment has two arms or more, whose shares are above 0 and add up to 1."
        )
    if not (0 < alpha < 1 and 0 < power < 1):
        raise InputError("Error rate and power lie between 0 and 1.")
