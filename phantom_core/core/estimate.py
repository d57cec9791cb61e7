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


def format_signed_share(share: float) -> str:
    """A change of a share or by a share, for sentences.

    >>> format_signed_share(-0.037), format_signed_share(0.05)
    ('−3.7 %', '+5.0 %')
    """
    return f"{100 * share:+.1f} %".replace("-", "−")


def format_relative_change(change: Estimate) -> str:
    """A change relative to what it was, with its interval, for sentences.

    >>> format_relative_change(Estimate(-0.037, -0.058, -0.017))
    '−3.7 % (−5.8 to −1.7 %)'
    """
    low = format_signed_share(change.low).removesuffix(" %")
    return f"{format_signed_share(change.value)} ({low} to {format_signed_share(change.high)})"


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
