"""Tried prices: the price ratios that an experiment drew, read back from rounded prices.

A shop that draws ×1.2 and shows whole units shows 104 for 87: the ratio in the log is 1.195, and
another one for every product. So each price is an interval of ratios that would have been rounded
to it, and the ratios tried are the fewest that explain all intervals.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints

# Units that prices are rounded to, largest first; currency.
_UNITS: Final = (100.0, 50.0, 10.0, 5.0, 1.0, 0.5, 0.1, 0.05, 0.01)
_EPSILON: Final = 1e-6
# Ratios that differ by less are the same one.
SAME_RATIO: Final = 0.005
# More ratios than these were not drawn from a list.
MOST_RATIOS: Final = 60
_DIGITS: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class TriedPrices:
    """Ratios that were tried, and which of them each quote may have been.

    Attributes:
        unit: that prices are rounded to, currency.
        ratios: that were tried, rising; empty where they were not drawn from a list.
        low, high: of each quote, the ratios that its price may stand for, shape (n_quotes,).
        explained: how many of the ratios explain each price, shape (n_quotes,); more than 1 where
            rounding made them one.
    """

    unit: float
    ratios: tuple[float, ...]
    low: Floats
    high: Floats
    explained: Ints

    def nearest(self, wanted: Floats) -> Floats:
        """The tried ratio that a wanted one stands for; NaN where it was not tried."""
        if not self.ratios:
            return np.full(wanted.size, np.nan)
        tried = np.array(self.ratios)
        right = np.clip(np.searchsorted(tried, wanted), 1, max(tried.size - 1, 1))
        pair = np.stack([tried[right - 1], tried[np.minimum(right, tried.size - 1)]])
        best = np.where(np.abs(pair[0] - wanted) <= np.abs(pair[1] - wanted), pair[0], pair[1])
        return np.where(np.abs(best - wanted) <= SAME_RATIO + _EPSILON, best, np.nan)

    def shows(self, ratio: Floats) -> NDArray[np.bool_]:
        """Whether each quote's price is the one that a ratio would have been rounded to."""
        with np.errstate(invalid="ignore"):
            return np.asarray((self.low <= ratio) & (ratio <= self.high))


def find_tried(price: Floats, base_price: Floats) -> TriedPrices:
    """Read back which ratios were drawn.

    Args:
        price: of each quote that an experiment drew, currency, shape (n,).
        base_price: currency, shape (n,).

    >>> find_tried(np.array([104.0, 70.0, 36.0]), np.array([87.0, 87.0, 45.0])).ratios
    (0.8, 1.2)
    """
    unit = rounding_unit(price)
    # A base price in cents may have been rounded as well.
    room = unit / 2 + _UNITS[-1] / 2
    low = (price - room) / base_price - _EPSILON
    high = (price + room) / base_price + _EPSILON
    ratios = _fewest(low, high)
    explained = (
        np.searchsorted(ratios, high, side="right") - np.searchsorted(ratios, low, side="left")
    ).astype(np.int64)
    return TriedPrices(unit, tuple(ratios.tolist()), low, high, explained)


def rounding_unit(prices: Floats) -> float:
    """The largest unit that all prices are multiples of; cents if none is.

    >>> rounding_unit(np.array([12.5, 13.0])), rounding_unit(np.array([12.0, 13.0]))
    (0.5, 1.0)
    """
    for unit in _UNITS[:-1]:
        if np.all(np.abs(prices / unit - np.round(prices / unit)) < _EPSILON):
            return unit
    return _UNITS[-1]


def _fewest(low: Floats, high: Floats) -> Floats:
    """Fewest ratios so that every interval holds one; none where too many would be needed."""
    order = np.argsort(high, kind="stable")
    found: list[float] = []
    start = 0
    lows, highs = low[order], high[order]
    while start < lows.size:
        if len(found) == MOST_RATIOS:
            return np.empty(0)
        end = highs[start]
        # All that begin before the first end hold it; what they have in common is a range.
        inside = start + np.flatnonzero(lows[start:] <= end)
        found.append(_plain(float(lows[inside].max()), float(end)))
        left = lows > found[-1]
        left[:start] = False
        covered = (lows <= found[-1]) & (highs >= found[-1])
        remaining = np.flatnonzero(left & ~covered)
        if not remaining.size:
            break
        lows, highs, start = lows[remaining], highs[remaining], 0
    return np.array(sorted(found))


def _plain(low: float, high: float) -> float:
    """The plainest number of a range: fewest digits, then nearest to its middle."""
    middle = (low + high) / 2
    for digits in range(_DIGITS + 2):
        rounded = round(middle, digits)
        if low <= rounded <= high:
            return rounded
    return middle
