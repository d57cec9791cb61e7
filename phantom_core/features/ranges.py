"""Ranges of session keys: cheap to read from event files, small enough for the CPU cache."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import pyarrow.parquet as pq

EVENTS_PER_RANGE: Final = 1_250_000
# With fewer events the planning of one more query takes longer than its share of the work.
FEWEST_EVENTS_TO_SPLIT: Final = 200_000
# Where row groups do not separate ranges: a range this long still fits in a gigabyte.
MOST_EVENTS_PER_RANGE: Final = 4_000_000
LOWEST_KEY: Final = -(2**63)
N_KEYS: Final = 2**64


def key_ranges(row_groups: Sequence[tuple[int, int]], n_workers: int) -> list[tuple[int, int]]:
    """Split session keys where row groups begin, and evenly where a range would be too long.

    Args:
        row_groups: first session key and number of rows of each row group of all files.
        n_workers: ranges that will run side by side, >= 1.
    Returns:
        First and last key of each range, in ascending order; together they hold every key once.
    """
    n_events = sum(n_rows for _, n_rows in row_groups)
    edges = [LOWEST_KEY, LOWEST_KEY + N_KEYS]
    if n_events >= FEWEST_EVENTS_TO_SPLIT:
        n_ranges = n_workers * math.ceil(n_events / EVENTS_PER_RANGE / n_workers)
        edges = _split_evenly(_split_at_row_groups(row_groups, n_ranges), n_events, n_workers)
    return [(low, high - 1) for low, high in pairwise(edges)]


def row_groups(sources: Sequence[str]) -> list[tuple[int, int]]:
    """First session key and number of rows of each row group of files sorted by session_key."""
    found = []
    for source in sources:
        metadata = pq.read_metadata(source)
        column = metadata.schema.names.index("session_key")
        for i in range(metadata.num_row_groups):
            group = metadata.row_group(i)
            found.append((group.column(column).statistics.min, group.num_rows))
    return found


def _split_at_row_groups(row_groups: Sequence[tuple[int, int]], n_ranges: int) -> list[int]:
    # Keys are spread evenly, so ranges of equal length hold equal shares of the events. A little
    # shorter, so that the row group that begins the next range is not narrowly missed.
    shortest = math.ceil(0.9 * N_KEYS / n_ranges)
    edges = [LOWEST_KEY]
    for first_key, _ in sorted(row_groups):
        if first_key - edges[-1] >= shortest and LOWEST_KEY + N_KEYS - first_key >= shortest // 2:
            edges.append(first_key)
    return [*edges, LOWEST_KEY + N_KEYS]


def _split_evenly(edges: Sequence[int], n_events: int, n_workers: int) -> list[int]:
    """Split ranges longer than MOST_EVENTS_PER_RANGE, or too few for the workers."""
    n_pieces_for_all = math.ceil(n_workers / (len(edges) - 1))
    found = [edges[0]]
    for low, high in pairwise(edges):
        n_pieces = max(
            n_pieces_for_all, math.ceil((high - low) * n_events / N_KEYS / MOST_EVENTS_PER_RANGE)
        )
        found += [low + (high - low) * (i + 1) // n_pieces for i in range(n_pieces)]
    return found
