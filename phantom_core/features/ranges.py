"""Ranges of session keys that are cheap to read from event files and small enough for the processor's cache."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import pyarrow.parquet as pq

EVENTS_PER_RANGE: Final = 700_000
# With fewer events the planning of one more query takes longer than its share of the work.
FEWEST_EVENTS_TO_CUT: Final = 200_000
# Where row groups cannot tell ranges apart: a range this long still fits in a gigabyte.
MOST_EVENTS_PER_RANGE: Final = 4_000_000
LOWEST_KEY: Final = -(2**63)
N_KEYS: Final = 2**64


@dataclass(frozen=True, slots=True)
class Part:
    """Some sessions of the event files.

    Attributes:
        predicate: SQL condition on session_key.
        is_scattered: its rows lie here and there, so they are read once and kept, not once per feature family.
    """

    predicate: str
    is_scattered: bool = False


def parts(sources: Sequence[str], n_workers: int) -> list[Part]:
    """Cut the session keys into ranges.

    Args:
        sources: event files, each sorted by session_key.
        n_workers: ranges that will run side by side, >= 1.
    Returns:
        Parts that together hold every session once.
    """
    keys = cuts(_row_groups(sources), n_workers)
    if not keys:
        return [Part("TRUE")]
    # A session at a cut ends one row group and begins the next. In a part of their own, such sessions spare each range a row group.
    at_cuts = Part(f"session_key IN ({', '.join(map(str, keys))})", is_scattered=True)
    between = [Part(f"session_key > {low} AND session_key < {high}") for low, high in pairwise(keys)]
    return [at_cuts, Part(f"session_key < {keys[0]}"), *between, Part(f"session_key > {keys[-1]}")]


def cuts(row_groups: Sequence[tuple[int, int]], n_workers: int) -> list[int]:
    """Keys to cut at: where row groups begin, if these lie well apart, and evenly between where a range would be too long.

    Args:
        row_groups: first session key and number of rows of each row group of all files.
        n_workers: ranges that will run side by side, >= 1.
    Returns:
        Session keys in ascending order.
    """
    n_events = sum(n_rows for _, n_rows in row_groups)
    if n_events < FEWEST_EVENTS_TO_CUT:
        return []
    edges = [LOWEST_KEY]
    for first_key, _ in sorted(row_groups):
        # Keys are spread evenly, so a stretch of them holds its share of all events.
        if (first_key - edges[-1]) * n_events > EVENTS_PER_RANGE * N_KEYS:
            edges.append(first_key)
    edges.append(LOWEST_KEY + N_KEYS)
    n_pieces = math.ceil(n_workers / (len(edges) - 1))
    found = set(edges[1:-1])
    for low, high in pairwise(edges):
        n_here = max(n_pieces, math.ceil((high - low) * n_events / N_KEYS / MOST_EVENTS_PER_RANGE))
        found.update(low + (high - low) * i // n_here for i in range(1, n_here))
    return sorted(found)


def _row_groups(sources: Sequence[str]) -> list[tuple[int, int]]:
    """First session key and number of rows of each row group."""
    found = []
    for source in sources:
        metadata = pq.read_metadata(source)
        column = metadata.schema.names.index("session_key")
        for i in range(metadata.num_row_groups):
            group = metadata.row_group(i)
            found.append((group.column(column).statistics.min, group.num_rows))
    return found
