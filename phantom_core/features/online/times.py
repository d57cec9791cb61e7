"""Event times of one session: gaps and windows, exact for events in any order.

Events in order of time, by far the most, each cost the same however many came before. Those that
come late are set aside until something is asked, and then sorted in together: n of them in any
order cost n log n, so that nobody can stall a worker by shuffling a session.

Sums are of whole milliseconds, so no order of arrival changes them.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Final

from phantom_core.features.relations import WINDOWS_MS
from phantom_core.features.terms import Column, Which


class Times:
    """Times of events of one session.

    Args:
        event_ms: UTC milliseconds, in any order.

    >>> times = Times([5_000, 0, 1_000])
    >>> times.sorted_ms, times.shortest_ms, times.most_within, times.gap_spread_ms()
    ([0, 1000, 5000], 1000, {300000: 3}, 2121.3203435596424)
    """

    def __init__(self, event_ms: Iterable[int] = ()) -> None:
        self._sorted_ms: list[int] = []
        self._late_ms: list[int] = []
        self._shortest_ms: int | None = None
        self._most_within = dict.fromkeys(WINDOWS_MS, 0)
        self._starts = dict.fromkeys(WINDOWS_MS, 0)
        self._sum_of_squares = 0
        for time_ms in event_ms:
            self.add(time_ms)

    @property
    def last_ms(self) -> int:
        """The latest time; needs an event."""
        return self._sorted_ms[-1]

    @property
    def sorted_ms(self) -> list[int]:
        """The times in ascending order."""
        self._settle()
        return self._sorted_ms

    @property
    def shortest_ms(self) -> int | None:
        """The shortest gap; None with fewer than two events."""
        self._settle()
        return self._shortest_ms

    @property
    def most_within(self) -> Mapping[int, int]:
        """Most events in any window [t - length, t] that ends at an event, by length in ms; 0
        without events.
        """
        self._settle()
        return self._most_within

    def add(self, event_ms: int) -> None:
        """Add the time of an event."""
        if self._sorted_ms and event_ms < self._sorted_ms[-1]:
            self._late_ms.append(event_ms)
        else:
            self._append(event_ms)

    def _append(self, event_ms: int) -> None:
        """Add a time that is not before any other."""
        times = self._sorted_ms
        if times:
            gap_ms = event_ms - times[-1]
            self._sum_of_squares += gap_ms**2
            self._shortest_ms = (
                gap_ms if self._shortest_ms is None else min(self._shortest_ms, gap_ms)
            )
        times.append(event_ms)
        for window_ms, most in self._most_within.items():
            start = bisect_left(times, event_ms - window_ms, self._starts[window_ms])
            self._starts[window_ms] = start
            self._most_within[window_ms] = max(most, len(times) - start)

    def _settle(self) -> None:
        """Sort late events in, and work everything out again."""
        if not self._late_ms:
            return
        times = sorted(self._sorted_ms + self._late_ms)
        self._sorted_ms, self._late_ms = [], []
        self._shortest_ms, self._sum_of_squares = None, 0
        for window_ms in WINDOWS_MS:
            self._most_within[window_ms] = self._starts[window_ms] = 0
        for time_ms in times:
            self._append(time_ms)

    def duration_ms(self) -> int:
        """Last minus first time; needs an event."""
        times = self.sorted_ms
        return times[-1] - times[0]

    def longest_ms(self) -> int | None:
        """The longest gap, looked for among all of them; None with fewer than two events."""
        return max((after - before for before, after in pairwise(self.sorted_ms)), default=None)

    def mean_ms(self) -> float | None:
        """Mean gap; None with fewer than two events."""
        n_gaps = len(self.sorted_ms) - 1
        return self.duration_ms() / n_gaps if n_gaps > 0 else None

    def gap_spread_ms(self) -> float | None:
        """Standard deviation of the gaps with n - 1; None with fewer than two gaps."""
        n_gaps = len(self.sorted_ms) - 1
        if n_gaps < 2:
            return None
        # Whole numbers up to the last division: nothing is rounded before.
        above = n_gaps * self._sum_of_squares - self.duration_ms() ** 2
        return float((above / (n_gaps * (n_gaps - 1))) ** 0.5)


OF_TIMES: Final[Mapping[tuple[Column, Which], Callable[[Times], float | None]]] = {
    ("event_ms", "MIN"): lambda times: times.sorted_ms[0],
    ("event_ms", "MAX"): lambda times: times.sorted_ms[-1],
    ("gap_ms", "MIN"): lambda times: times.shortest_ms,
    ("gap_ms", "MAX"): Times.longest_ms,
    ("gap_ms", "AVG"): Times.mean_ms,
    ("gap_ms", "STDDEV_SAMP"): Times.gap_spread_ms,
}
