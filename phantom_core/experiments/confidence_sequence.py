"""Confidence sequences: intervals that are valid at every moment, so that peeking is allowed.

Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, Time-uniform central limit theory and
asymptotic confidence sequences, Annals of Statistics 52(6), arXiv 2103.06476: the asymptotic
sequence by a Gaussian mixture, made tightest at a planned number of sessions. Outcomes of two
arms become one martingale by their inverse propensity, with running means as regressions without
lookahead, as there for randomised experiments. The interval of a ratio holds all ratios that the
sequence of their linear combination does not exclude (Fieller 1954).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints

NAN: Final = math.nan


@dataclass(frozen=True, slots=True)
class Bounds:
    """A figure with its always-valid interval; NaN or infinite where undefined."""

    value: float
    low: float
    high: float

    def excludes(self, value: float) -> bool:
        """Whether a value lies outside."""
        return bool(self.low > value or self.high < value)


UNBOUNDED: Final = Bounds(NAN, -math.inf, math.inf)


def sequence_radius(n: Floats, alpha: float, planned: float) -> Floats:
    """Half the width of the interval of a mean, in standard deviations.

    Args:
        n: sessions seen, at least 1.
        alpha: probability of ever missing the true value.
        planned: sessions at which the interval is to be tightest.

    >>> sequence_radius(np.array([1_000.0]), 0.05, 1_000.0).round(4)
    array([0.096])
    """
    rho2 = (-2.0 * math.log(alpha) + math.log(-2.0 * math.log(alpha) + 1.0)) / planned
    grown = n * rho2 + 1.0
    return np.asarray(np.sqrt(grown / (n**2 * rho2) * (np.log(grown) - 2.0 * math.log(alpha))))


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """Two arms as running figures, arrays of shape (n_sessions,) in the order of arrival.

    Attributes:
        n: sessions of both arms so far.
        treated, control: estimated means of the outcome so far.
        treated_variance, control_variance, covariance: of a session's terms so far.
    """

    n: Floats
    treated: Floats
    control: Floats
    treated_variance: Floats
    control_variance: Floats
    covariance: Floats

    @classmethod
    def of(
        cls,
        outcome: Floats,
        is_treated: NDArray[np.bool_],
        share: float,
        *,
        actor: Ints | None = None,
        predicted: Floats | None = None,
    ) -> "Contrast":
        """Compare the sessions of two arms.

        Args:
            outcome: of each session, in the order of arrival.
            is_treated: whether it was exposed to the new arm.
            share: probability of the new arm among sessions of the two, in (0, 1).
            actor: behind each session: errors are clustered by it; None where each stands alone.
            predicted: outcome that was expected of each session from what was known before it, by
                figures of earlier sessions only; None for no variance reduction.
        """
        n = np.arange(1, outcome.size + 1, dtype=np.float64)
        expected = np.zeros_like(outcome) if predicted is None else predicted
        arms = [
            _terms(outcome - expected, is_here.astype(np.float64), part)
            for is_here, part in ((is_treated, share), (~is_treated, 1.0 - share))
        ]
        treated, control = (expected + terms for terms, _ in arms)
        means = np.cumsum(treated) / n, np.cumsum(control) / n
        spread = np.cumsum(arms[0][1] ** 2 + arms[1][1] ** 2) / n
        effect = design_effect(treated - control, actor)
        # A small arm that has seen no large outcome yet has a low mean and a low variance at once,
        # so no arm's variance is taken to be below that of both arms together.
        variances = [
            effect * np.maximum(np.cumsum(terms**2) / n - mean**2, spread / part)
            for terms, mean, part in zip(
                (treated, control), means, (share, 1.0 - share), strict=True
            )
        ]
        covariance = effect * (np.cumsum(treated * control) / n - means[0] * means[1])
        return cls(n, means[0], means[1], variances[0], variances[1], covariance)

    def difference(
        self, at: NDArray[np.int64], alpha: float, planned: float
    ) -> tuple[Floats, Floats, Floats]:
        """Value, low and high of the difference, treated minus control, at some positions."""
        variance = self.treated_variance[at] + self.control_variance[at] - 2.0 * self.covariance[at]
        value = self.treated[at] - self.control[at]
        half = sequence_radius(self.n[at], alpha, planned) * np.sqrt(np.maximum(variance, 0.0))
        return value, value - half, value + half

    def relative(
        self, at: NDArray[np.int64], alpha: float, planned: float
    ) -> tuple[Floats, Floats, Floats]:
        """Value, low and high of treated / control − 1; unbounded where control may be 0."""
        squared = sequence_radius(self.n[at], alpha, planned) ** 2
        a, b = self.treated[at], self.control[at]
        # Ratios s with (a - s b)² ≤ squared · variance of (a - s b): those between the roots of a
        # parabola that opens upward.
        upward = b**2 - squared * self.control_variance[at]
        middle = a * b - squared * self.covariance[at]
        last = a**2 - squared * self.treated_variance[at]
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = np.sqrt(np.maximum(middle**2 - upward * last, 0.0))
            low, high = (middle - spread) / upward - 1.0, (middle + spread) / upward - 1.0
            value = a / b - 1.0
        is_known = (upward > 0) & (b > 0)
        return (
            np.where(b > 0, value, NAN),
            np.where(is_known, low, -np.inf),
            np.where(is_known, high, np.inf),
        )


def design_effect(terms: Floats, actor: Ints | None) -> Floats:
    """How much larger the variance of a running mean is for sessions of the same actor, at least 1.

    Args:
        terms: of each session, in the order of arrival.
        actor: behind each; None where each stands alone.
    Source: Kish 1965, Survey sampling, the design effect; Liang and Zeger 1986, the clusters.

    >>> design_effect(np.array([1.0, -1.0, 1.0, -1.0]), np.array([0, 1, 0, 1])).round(2)[-1]
    np.float64(1.94)
    """
    if actor is None or np.unique(actor).size == actor.size:
        return np.ones_like(terms)
    n = np.arange(1, terms.size + 1)
    before = (np.cumsum(terms) - terms) / np.maximum(n - 1, 1)
    centred = terms - before
    order = np.argsort(actor, kind="stable")
    sums = np.cumsum(centred[order])
    is_first = np.insert(np.diff(actor[order]) != 0, 0, True)
    start = np.flatnonzero(is_first)[np.cumsum(is_first) - 1]
    earlier = np.empty_like(terms)
    earlier[order] = sums - centred[order] - (sums[start] - centred[order][start])
    alone = np.cumsum(centred**2)
    together = alone + np.cumsum(2.0 * centred * earlier)
    return np.maximum(np.divide(together, alone, out=np.ones_like(alone), where=alone > 0), 1.0)


def _terms(outcome: Floats, is_here: Floats, share: float) -> tuple[Floats, Floats]:
    """Terms of an arm's mean: the running mean before a session, corrected if it was exposed; and
    that correction before it is weighted.
    """
    exposed = np.cumsum(is_here) - is_here
    total = np.cumsum(outcome * is_here) - outcome * is_here
    before = np.divide(total, exposed, out=np.zeros_like(total), where=exposed > 0)
    left = is_here * (outcome - before)
    return before + left / share, left
