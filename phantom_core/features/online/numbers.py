"""Running statistics of one session: count, mean, spread and extremes, event by event.

Source: Welford 1962.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from phantom_core.features.terms import Which


@dataclass(slots=True)
class Numbers:
    """Numbers so far, such as the prices seen.

    Attributes:
        count: how many there are.
        mean: of them; 0 while there is none.
        squares: sum of squared distances from the mean.
        lowest, highest: None while there is none.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    lowest: float | None = None
    highest: float | None = None

    def add(self, number: float) -> None:
        """Add a number."""
        self.count += 1
        off = number - self.mean
        self.mean += off / self.count
        self.squares += off * (number - self.mean)
        self.lowest = number if self.lowest is None else min(self.lowest, number)
        self.highest = number if self.highest is None else max(self.highest, number)

    def average(self) -> float | None:
        """The mean; None while there is none."""
        return self.mean if self.count else None

    def spread(self) -> float | None:
        """Standard deviation with n - 1; None for fewer than two numbers."""
        return float((self.squares / (self.count - 1)) ** 0.5) if self.count > 1 else None


STATISTICS: Final[Mapping[Which, Callable[[Numbers], float | None]]] = {
    "MIN": lambda numbers: numbers.lowest,
    "MAX": lambda numbers: numbers.highest,
    "AVG": Numbers.average,
    "STDDEV_SAMP": Numbers.spread,
}
