"""Times of events are exact for events in any order, and cost alike in any order."""

import random
import sys
from itertools import pairwise

import pytest

from phantom_core.features.online.times import Times
from phantom_core.features.relations import WINDOWS_MS


def by_definition(times_ms: list[int]) -> tuple[object, ...]:
    ordered = sorted(times_ms)
    gaps = [after - before for before, after in pairwise(ordered)]
    most = {
        window_ms: max(
            (sum(end - window_ms <= one <= end for one in ordered) for end in ordered), default=0
        )
        for window_ms in WINDOWS_MS
    }
    return ordered, min(gaps, default=None), most


@pytest.mark.parametrize("seed", range(20))
def test_any_order_gives_what_the_definition_says(seed: int) -> None:
    rng = random.Random(seed)
    times, given = Times(), list[int]()
    for _ in range(40):
        given.append(rng.choice([0, 1, 299_999, 300_000, 300_001, rng.randrange(1_000_000)]))
        times.add(given[-1])
        assert times.last_ms == max(given)
        if rng.random() < 0.3:  # asked now and then, not after each
            found = (times.sorted_ms, times.shortest_ms, times.most_within)
            assert found == by_definition(given)


def test_shuffled_events_take_few_steps_more_than_ordered_ones() -> None:
    ordered = list(range(0, 40_000, 10))
    shuffled = random.Random(1).sample(ordered, len(ordered))

    def steps(times_ms: list[int]) -> int:
        n_lines = 0

        def count(*_: object) -> object:
            nonlocal n_lines
            n_lines += 1
            return count

        before = sys.gettrace()
        sys.settrace(count)  # type: ignore[arg-type]
        try:
            assert Times(times_ms).sorted_ms == ordered
        finally:
            sys.settrace(before)
        return n_lines

    assert steps(shuffled) < 3 * steps(ordered)
