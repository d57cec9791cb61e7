"""Times: when the events of one session happened, and what the SQL says of gaps and windows, kept
exact as events come in any order.

Sums are of whole milliseconds, so no order of arrival changes them. An event between two others
only ever splits a gap, so the shortest gap can be kept; it only ever adds to windows that end
within five minutes after it, so the busiest one can be kept too.
"""

from bisect import bisect_left, bisect_right, insort_right
from collections.abc import Iterable

from phantom_core.features.steps import WINDOW_MS


class Times:
    """Times of events of one session.

    Args:
        event_ms: UTC milliseconds, in any order.

    Attributes:
        sorted_ms: the times in ascending order.
        shortest_ms: the shortest gap; None with fewer than two events.
        most_in_window: most events in any window [t - 300 s, t] that ends at an event; 0 without
            events.

    >>> times = Times([5_000, 0, 1_000])
    >>> times.sorted_ms, times.shortest_ms, times.most_in_window, times.gap_spread_ms()
    ([0, 1000, 5000], 1000, 3, 2121.3203435596424)
    """

    def __init__(self, event_ms: Iterable[int] = ()) -> None:
        self.sorted_ms: list[int] = []
        self.shortest_ms: int | None = None
        self.most_in_window = 0
        self._sum_of_squares = 0
        for time_ms in event_ms:
            self.add(time_ms)

    def add(self, event_ms: int) -> None:
        """Take the time of one more event."""
        times = self.sorted_ms
        at = bisect_right(times, event_ms)
        self._split_gap(
            times[at - 1] if at else None, event_ms, times[at] if at < len(times) else None
        )
        insort_right(times, event_ms)
        for end_ms in dict.fromkeys(times[at : bisect_right(times, event_ms + WINDOW_MS, at)]):
            n_in_window = bisect_right(times, end_ms, at) - bisect_left(times, end_ms - WINDOW_MS)
            self.most_in_window = max(self.most_in_window, n_in_window)

    def duration_ms(self) -> int:
        """Last minus first time; needs an event."""
        return self.sorted_ms[-1] - self.sorted_ms[0]

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
