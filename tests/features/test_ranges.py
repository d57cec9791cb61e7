"""Ranges of session keys."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from phantom_core.features.ranges import LOWEST_KEY, MOST_EVENTS_PER_RANGE, N_KEYS, key_ranges

KEYS = st.integers(LOWEST_KEY, LOWEST_KEY + N_KEYS - 1)


def sorted_load(n_events: int, rows_per_group: int = 100_000) -> list[tuple[int, int]]:
    """First key and rows of each row group of one load."""
    n_groups = n_events // rows_per_group
    return [(LOWEST_KEY + N_KEYS * i // n_groups, rows_per_group) for i in range(n_groups)]


def test_few_events_are_one_range() -> None:
    assert key_ranges(sorted_load(100_000), n_workers=2) == [(LOWEST_KEY, LOWEST_KEY + N_KEYS - 1)]


def test_no_events_are_one_range() -> None:
    assert len(key_ranges([], n_workers=2)) == 1


def test_a_sorted_load_is_split_where_row_groups_begin() -> None:
    """10 M events in 8 ranges are 1.25 M each; 1.2 M is the first row group after 90 % of that."""
    load = sorted_load(10_000_000)
    assert [low for low, _ in key_ranges(load, n_workers=2)] == [
        first_key for first_key, _ in load[::12]
    ][:8]


def test_small_loads_on_top_hardly_move_the_edges() -> None:
    small = [(LOWEST_KEY + i, 1_000) for i in range(50)]
    load = sorted_load(9_000_000)
    assert (
        abs(len(key_ranges([*load, *small], n_workers=2)) - len(key_ranges(load, n_workers=2))) <= 1
    )


def test_loads_that_row_groups_do_not_separate_make_few_long_ranges() -> None:
    loads = [(LOWEST_KEY + i, 1_000_000) for i in range(20)]
    assert len(key_ranges(loads, n_workers=2)) == 20_000_000 // MOST_EVENTS_PER_RANGE


def test_there_is_a_range_for_every_worker() -> None:
    assert len(key_ranges([(LOWEST_KEY, 1_000_000)], n_workers=4)) == 4


@given(
    groups=st.lists(st.tuples(KEYS, st.integers(1, 5_000_000)), max_size=30),
    n_workers=st.integers(1, 8),
)
def test_ranges_hold_every_key_once(groups: list[tuple[int, int]], n_workers: int) -> None:
    found = key_ranges(groups, n_workers)
    assert (found[0][0], found[-1][1]) == (LOWEST_KEY, LOWEST_KEY + N_KEYS - 1)
    assert all(low <= high for low, high in found)
    assert all(after[0] == before[1] + 1 for before, after in pairwise(found))
