"""Estimate: a figure with its interval."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

Z_95: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def normal_interval(value: float, standard_error: float) -> Estimate:
    """The interval of an estimate that is normally distributed."""
    return Estimate(value, value - Z_95 * standard_error, value + Z_95 * standard_error)


def wilson_interval(share: float, n: float) -> tuple[float, float]:
    """95 % interval of a proportion.

    Args:
        share: in [0, 1].
        n: what it is a proportion of, above 0.
    Source: Wilson 1927, Probable inference, the law of succession, and statistical inference.

    >>> [round(bound, 3) for bound in wilson_interval(0.5, 100)]
    [0.404, 0.596]
    """
    centre = (share + Z_95**2 / (2 * n)) / (1 + Z_95**2 / n)
    reach = Z_95 / (1 + Z_95**2 / n) * sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    return max(0.0, centre - reach), min(1.0, centre + reach)
