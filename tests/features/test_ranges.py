"""Ranges of session keys."""

from hypothesis import given
from hypothesis import strategies as st

from phantom_core.features.ranges import LOWEST_KEY, MOST_EVENTS_PER_RANGE, N_KEYS, cuts

KEYS = st.integers(LOWEST_KEY, LOWEST_KEY + N_KEYS - 1)


def sorted_load(n_events: int, rows_per_group: int = 100_000) -> list[tuple[int, int]]:
    """First key and rows of each row group of one load."""
    n_groups = n_events // rows_per_group
    return [(LOWEST_KEY + N_KEYS * i // n_groups, rows_per_group) for i in range(n_groups)]


def test_few_events_are_one_range() -> None:
    assert cuts(sorted_load(100_000), n_workers=2) == []


def test_a_sorted_load_is_cut_where_row_groups_begin() -> None:
    load = sorted_load(10_000_000)
    found = cuts(load, n_workers=2)
    assert set(found) <= {first_key for first_key, _ in load}
    assert len(found) == 12  # at every eighth of 100 row groups: eight are the first to hold more than EVENTS_PER_RANGE


def test_small_loads_on_top_hardly_move_the_cuts() -> None:
    small = [(LOWEST_KEY + i, 1_000) for i in range(50)]
    assert len(cuts([*sorted_load(10_000_000), *small], n_workers=2)) in range(12, 15)


def test_loads_that_row_groups_cannot_tell_apart_make_few_long_ranges() -> None:
    loads = [(LOWEST_KEY + i, 1_000_000) for i in range(20)]
    assert len(cuts(loads, n_workers=2)) == 20_000_000 // MOST_EVENTS_PER_RANGE - 1


def test_there_is_a_range_for_every_worker() -> None:
    assert len(cuts([(LOWEST_KEY, 1_000_000)], n_workers=4)) == 3


@given(groups=st.lists(st.tuples(KEYS, st.integers(1, 5_000_000)), max_size=30), n_workers=st.integers(1, 8))
def test_cuts_are_distinct_keys_in_order(groups: list[tuple[int, int]], n_workers: int) -> None:
    found = cuts(groups, n_workers)
    assert found == sorted(set(found))
    assert all(LOWEST_KEY < cut < LOWEST_KEY + N_KEYS for cut in found)
