"""Event times of one session: gaps and windows, exact for events in any order.

Sums are of whole milliseconds, so no order of arrival changes them. An event between two others
only ever splits a gap, so the shortest gap can be updated; it only ever adds to windows that
end within their length after it, so the busiest one can be updated too.
"""

from bisect import bisect_left, bisect_right, insort_right
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Final

from phantom_core.features.relations import WINDOWS_MS
from phantom_core.features.terms import Column, Which


class Times:
    """Times of events of one session.

    Args:
        event_ms: UTC milliseconds, in any order.

    Attributes:
        sorted_ms: the times in ascending order.
        shortest_ms: the shortest gap; None with fewer than two events.
        most_within: most events in any window [t - length, t] that ends at an event, by length in
            ms; 0 without events.

    >>> times = Times([5_000, 0, 1_000])
    >>> times.sorted_ms, times.shortest_ms, times.most_within, times.gap_spread_ms()
    ([0, 1000, 5000], 1000, {300000: 3}, 2121.3203435596424)
    """

    def __init__(self, event_ms: Iterable[int] = ()) -> None:
        self.sorted_ms: list[int] = []
        self.shortest_ms: int | None = None
        self.most_within = dict.fromkeys(WINDOWS_MS, 0)
        self._sum_of_squares = 0
        for time_ms in event_ms:
            self.add(time_ms)

    def add(self, event_ms: int) -> None:
        """Add the time of an event."""
        times = self.sorted_ms
        at = bisect_right(times, event_ms)
        self._split_gap(
            times[at - 1] if at else None, event_ms, times[at] if at < len(times) else None
        )
        insort_right(times, event_ms)
        for window_ms, most_before in self.most_within.items():
            most = most_before
            for end_ms in dict.fromkeys(times[at : bisect_right(times, event_ms + window_ms, at)]):
                most = max(
                    most, bisect_right(times, end_ms, at) - bisect_left(times, end_ms - window_ms)
                )
            self.most_within[window_ms] = most

    def duration_ms(self) -> int:
        """Last minus first time; needs an event."""
        return self.sorted_ms[-1] - self.sorted_ms[0]

    def longest_ms(self) -> int | None:
        """The longest gap, looked for among all of them; None with fewer than two events."""
        return max((after - before for before, after in pairwise(self.sorted_ms)), default=None)

    def mean_ms(self) -> float | None:
        """Mean gap; None with fewer than two events."""
        return self.duration_ms() / (len(self.sorted_ms) - 1) if len(self.sorted_ms) > 1 else None

    def gap_spread_ms(self) -> float | None:
        """Standard deviation of the gaps with n - 1; None with fewer than two gaps."""
        n_gaps = len(self.sorted_ms) - 1
        if n_gaps < 2:
            return None
        # Whole numbers up to the last division: nothing is rounded before.
        above = n_gaps * self._sum_of_squares - self.duration_ms() ** 2
        return float((above / (n_gaps * (n_gaps - 1))) ** 0.5)

    def _split_gap(self, before_ms: int | None, event_ms: int, after_ms: int | None) -> None:
        if before_ms is not None and after_ms is not None:
            self._sum_of_squares -= (after_ms - before_ms) ** 2
        neighbours = [event_ms - before_ms] if before_ms is not None else []
        neighbours += [after_ms - event_ms] if after_ms is not None else []
        for gap_ms in neighbours:
            self._sum_of_squares += gap_ms**2
            self.shortest_ms = gap_ms if self.shortest_ms is None else min(self.shortest_ms, gap_ms)


OF_TIMES: Final[Mapping[tuple[Column, Which], Callable[[Times], float | None]]] = {
    ("event_ms", "MIN"): lambda times: times.sorted_ms[0],
    ("event_ms", "MAX"): lambda times: times.sorted_ms[-1],
    ("gap_ms", "MIN"): lambda times: times.shortest_ms,
    ("gap_ms", "MAX"): Times.longest_ms,
    ("gap_ms", "AVG"): Times.mean_ms,
    ("gap_ms", "STDDEV_SAMP"): Times.gap_spread_ms,
}
