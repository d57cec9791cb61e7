"""Confounding: whether prices followed demand, so that they cannot tell how demand follows prices.

A shop that raises prices in busy hours sells more at high prices than at low ones. Where
propensities were logged, prices were drawn at random. Elsewhere they are tested against the hour of
the day, the weekday, and how busy the hour was. Stock is not recorded with a quote.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from phantom_core.core.arrays import Floats, Ints

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
# Up to this share of prices without a propensity, the others decide.
FEW_WITHOUT: Final = 0.05
FEWEST_QUOTES: Final = 200
# A factor counts from this share of the variance of prices, and below this p-value.
LEAST_SHARE: Final = 0.01
LEVEL: Final = 0.001
_FEWEST_DAYS: Final = 14


@dataclass(frozen=True, slots=True)
class Factor:
    """Something that prices may have followed.

    Attributes:
        name: as in a sentence.
        share: of the variance of hourly or daily mean prices that it explains.
        p_value: probability of as much if prices had nothing to do with it.
    """

    name: str
    share: float
    p_value: float

    @property
    def is_followed(self) -> bool:
        """Whether prices followed it beyond chance."""
        return self.share >= LEAST_SHARE and self.p_value < LEVEL


def find_factors(event_ms: Ints, deviation: Floats) -> tuple[Factor, ...]:
    """Test prices against time and demand.

    Args:
        event_ms: of each quote whose price was not drawn, UTC milliseconds, shape (n,).
        deviation: of its log price from the product's mean, shape (n,).
    Source: one-way analysis of variance of hourly means by the hour and of daily means by the
        weekday; regression on log demand with errors clustered by day (Liang and Zeger 1986).
    """
    hours, mean, n = _cells(event_ms // HOUR_MS, deviation)
    days, of_day, n_day = _cells(event_ms // DAY_MS, deviation)
    found = [_groups("the hour of the day", hours % 24, mean, n), _demand(hours // 24, mean, n)]
    if days.size >= _FEWEST_DAYS:
        found.append(_groups("the weekday", days % 7, of_day, n_day))
    return tuple(found)


def confounded(event_ms: Ints, deviation: Floats, was_randomised: Floats) -> str:
    """Why prices do not identify demand, one sentence; empty where nothing says so.

    Args:
        event_ms: of each quote, UTC milliseconds, shape (n,).
        deviation: of its log price from the product's mean, shape (n,).
        was_randomised: whether its propensity was logged, shape (n,).
    """
    free = was_randomised == 0
    if free.sum() < FEWEST_QUOTES or free.mean() <= FEW_WITHOUT:
        return ""
    followed = [one for one in find_factors(event_ms[free], deviation[free]) if one.is_followed]
    if not followed:
        return ""
    names = " and ".join(
        f"{one.name} ({one.share:.0%} of their variance)"
        for one in sorted(followed, key=lambda one: -one.share)
    )
    return (
        f"Prices without a propensity followed {names}, and so does demand: what a price does "
        "cannot be told from when it was shown."
    )


def _cells(cell: Ints, values: Floats) -> tuple[Ints, Floats, Floats]:
    """Cells that hold something, their means and sizes."""
    found, position = np.unique(cell, return_inverse=True)
    n = np.bincount(position).astype(np.float64)
    return found, np.asarray(np.bincount(position, values) / n), n


def _groups(name: str, group: Ints, mean: Floats, n: Floats) -> Factor:
    """Analysis of variance of cell means, weighted by their sizes."""
    _, position = np.unique(group, return_inverse=True)
    weight = np.bincount(position, n)
    centre = float(np.average(mean, weights=n))
    of_group = np.bincount(position, n * mean) / weight
    total = float((n * (mean - centre) ** 2).sum())
    between = float((weight * (of_group - centre) ** 2).sum())
    free, left = weight.size - 1, mean.size - weight.size
    if total <= 0 or free < 1 or left < 1:
        return Factor(name, 0.0, 1.0)
    share = min(between / total, 1.0)
    f = np.inf if share >= 1 else (share / free) / ((1 - share) / left)
    return Factor(name, share, float(stats.f.sf(f, free, left)))


def _demand(day: Ints, mean: Floats, n: Floats) -> Factor:
    """Regression of hourly mean prices on how busy the hour was."""
    name = "how busy the hour was"
    busy = np.log(n) - np.average(np.log(n), weights=n)
    centred = mean - np.average(mean, weights=n)
    spread, total = float((n * busy**2).sum()), float((n * centred**2).sum())
    _, position = np.unique(day, return_inverse=True)
    n_days = int(position.max()) + 1
    if spread <= 0 or total <= 0 or n_days < 3:
        return Factor(name, 0.0, 1.0)
    slope = float((n * busy * centred).sum()) / spread
    scores = np.bincount(position, n * busy * (centred - slope * busy))
    error = float(np.sqrt((scores**2).sum() * n_days / (n_days - 1))) / spread
    t = abs(slope) / error if error > 0 else np.inf
    return Factor(name, slope**2 * spread / total, float(2 * stats.t.sf(t, n_days - 1)))
