"""Experiment size: sessions needed to detect an effect, sequentially or at a fixed horizon."""

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
    """Current outcome of a session.

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
        sessions: in all arms together, for a sequential test (peeking allowed) with the requested
            power.
        sessions_once: the same for a fixed horizon.
        days, days_once: the same in days; NaN where the traffic is unknown.
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
    """Sessions needed to detect an effect in every new arm against the first.

    Args:
        baseline: of the outcome.
        effect: relative, such as 0.05; its sign does not matter.
        shares: of the arms, the one they are compared with first; they add up to 1.
        alpha: probability of ever detecting an effect that does not exist, over all arms.
        power: probability of detecting one that does.
    Raises:
        InputError: figures out of range, or an effect too small to be detected.
    Source: Bonferroni over the arms; z-test sizes as in any textbook; the width of
        `sequence_radius`.
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
    """Minimum detectable relative effect of a sequential test with so many sessions."""
    level = alpha / (len(shares) - 1)
    least = min(shares[1:])
    n = sessions * (shares[0] + least)
    return _needed(n, _variance(baseline.sd, shares[0], least), level, power) / baseline.mean


def guard_sessions(
    human: Baseline,
    drop: float,
    share: float,
    *,
    tolerated: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.99,
) -> int:
    """Sessions of both arms until the guard sees a loss of human conversion.

    Args:
        human: human purchases a session, as the guard counts them.
        drop: relative loss to be seen, such as 0.2.
        share: of the new arm.
        tolerated: relative loss that is no reason to stop.
        alpha: probability of ever stopping without a loss.
        power: probability of stopping with this one.
    Raises:
        InputError: figures out of range, or a loss that is tolerated.
    """
    if drop <= tolerated:
        raise InputError(
            f"A loss of {drop:.0%} is tolerated, so nothing would ever be stopped for it.",
            hint=f"Ask for a loss above {tolerated:.0%}.",
        )
    _check(human, drop, (1 - share, share), alpha, power)
    delta = (drop - tolerated) * human.mean
    return math.ceil(_pair(human.sd, delta, 1 - share, share, alpha, power)[1])


def _pair(
    sd: float, delta: float, control: float, treated: float, alpha: float, power: float
) -> tuple[float, float]:
    """Sessions of all arms to detect a difference of two: fixed horizon, and sequential."""
    variance, of_all = _variance(sd, control, treated), control + treated
    normal = NormalDist()
    once = variance * ((normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)) / delta) ** 2
    low, high = 1.0, 2.0
    while _needed(high, variance, alpha, power) > delta:
        low, high = high, 2 * high
        if high > _LARGEST:
            raise InputError(
                "No number of sessions can detect so small an effect.",
                hint="Choose a larger effect.",
            )
    while high - low > 1:
        middle = (low + high) / 2
        low, high = (
            (middle, high) if _needed(middle, variance, alpha, power) > delta else (low, middle)
        )
    return once / of_all, high / of_all


def _variance(sd: float, control: float, treated: float) -> float:
    """Variance of a session's term of the difference."""
    share = treated / (control + treated)
    return sd**2 * (1 / share + 1 / (1 - share))


def _needed(n: float, variance: float, alpha: float, power: float) -> float:
    """Difference that n sessions of two arms detect with some power."""
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
            "An effect of 0 cannot be detected.",
            hint="State the minimum detectable effect, such as 0.05.",
        )
    if len(shares) < 2 or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise InputError(
            "An experiment has two arms or more, whose shares are above 0 and add up to 1."
        )
    if not (0 < alpha < 1 and 0 < power < 1):
        raise InputError("Error rate and power lie between 0 and 1.")
