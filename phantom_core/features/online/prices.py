"""Prices: count, mean, spread and extremes of the prices one session saw, kept up as they come.
Source: Welford 1962.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Prices:
    """Prices seen so far, in the shop's currency.

    Attributes:
        count: how many events named one.
        mean: of them; 0 while there is none.
        squares: sum of squared distances from the mean.
        lowest, highest: None while there is none.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    lowest: float | None = None
    highest: float | None = None

    def add(self, price: float) -> None:
        """Take one more price."""
        self.count += 1
        off = price - self.mean
        self.mean += off / self.count
        self.squares += off * (price - self.mean)
        self.lowest = price if self.lowest is None else min(self.lowest, price)
        self.highest = price if self.highest is None else max(self.highest, price)

    def spread(self) -> float | None:
        """Standard deviation with n - 1; None for fewer than two prices."""
        return float((self.squares / (self.count - 1)) ** 0.5) if self.count > 1 else None

    def explored(self) -> float | None:
        """Highest minus lowest; None while there is none."""
        return None if self.highest is None or self.lowest is None else self.highest - self.lowest
