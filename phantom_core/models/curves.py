"""Calibration curves: from a model's margin (log-odds) to a calibrated probability."""

import math
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import numpy as np
from pydantic import Field

from phantom_core.core.arrays import Floats

TINY: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Platt:
    """A logistic curve over the margin.

    Source: Platt 1999, Probabilistic outputs for support vector machines.
    """

    slope: float
    intercept: float
    method: Literal["platt"] = "platt"

    def probability(self, margin: Floats) -> Floats:
        """Probability of an agent, in (0, 1), shape of `margin`."""
        return _sigmoid(self.slope * margin + self.intercept)

    def at(self, margin: float) -> float:
        """The same of one margin."""
        return _sigmoid_at(self.slope * margin + self.intercept)


@dataclass(frozen=True, slots=True)
class Temperature:
    """One factor on the margin: it softens overconfident scores and leaves 50 % unchanged.

    Source: Guo, Pleiss, Sun and Weinberger 2017, On calibration of modern neural networks.
    """

    slope: float
    method: Literal["temperature"] = "temperature"

    def probability(self, margin: Floats) -> Floats:
        """Probability of an agent, in (0, 1), shape of `margin`."""
        return _sigmoid(self.slope * margin)

    def at(self, margin: float) -> float:
        """The same of one margin."""
        return _sigmoid_at(self.slope * margin)


@dataclass(frozen=True, slots=True)
class Beta:
    """A logistic curve with a slope of its own at either end.

    Source: Kull, Silva Filho and Flach 2017, Beta calibration.
    """

    slope_low: float
    slope_high: float
    intercept: float
    method: Literal["beta"] = "beta"

    def probability(self, margin: Floats) -> Floats:
        """Probability of an agent, in (0, 1), shape of `margin`."""
        low, high = log_odds_parts(margin)
        return _sigmoid(self.slope_low * low + self.slope_high * high + self.intercept)

    def at(self, margin: float) -> float:
        """The same of one margin."""
        low, high = -_softplus(-margin), _softplus(margin)
        return _sigmoid_at(self.slope_low * low + self.slope_high * high + self.intercept)


@dataclass(frozen=True, slots=True)
class Isotonic:
    """The rising curve nearest to the labels, straight between its knots.

    Source: Zadrozny and Elkan 2002, Transforming classifier scores into accurate multiclass
        probability estimates.
    """

    margins: tuple[float, ...]
    probabilities: tuple[float, ...]
    method: Literal["isotonic"] = "isotonic"

    def probability(self, margin: Floats) -> Floats:
        """Probability of an agent, in (0, 1), shape of `margin`."""
        return np.interp(margin, self.margins, self.probabilities)

    def at(self, margin: float) -> float:
        """The same of one margin."""
        return float(np.interp(margin, self.margins, self.probabilities))


Curve = Platt | Temperature | Beta | Isotonic
Calibration = Annotated[Curve, Field(discriminator="method")]


def log_odds_parts(margin: Floats) -> tuple[Floats, Floats]:
    """Log-probabilities ln p and −ln(1 − p) of a margin's probability; their sum is the margin."""
    return -np.logaddexp(0, -margin), np.logaddexp(0, margin)


def _sigmoid(x: Floats) -> Floats:
    """Logistic function, clipped away from 0 and 1, where one error has infinite log loss."""
    return np.clip(np.exp(-np.logaddexp(0, -x)), TINY, 1 - TINY)


# One number at a time, as a price needs it, costs numpy twenty times what it costs math.
def _sigmoid_at(x: float) -> float:
    return min(max(math.exp(-_softplus(-x)), TINY), 1 - TINY)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
