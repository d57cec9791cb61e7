"""Actors: the shoppers' families, stores, start times, and deviations from their family."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.events.schema import STORE_MODES
from phantom_core.shoppers.families import Family
from phantom_core.shoppers.path import N_HABITS

START_MS: Final = 1_767_571_200_000  # Monday 2026-01-05, 00:00 UTC
DAY_MS: Final = 86_400_000
WINDOW_DAYS: Final = 42
_MOST_SESSIONS: Final = 6
_LEAST_GAP_MS: Final = 2 * 3_600_000
# Sessions of humans by hour of the day, UTC: quiet before six, busy at noon and in the evening.
_PEOPLE_BY_HOUR: Final = np.array(
    [2, 1, 1, 1, 1, 1, 2, 3, 5, 6, 7, 8, 9, 8, 7, 7, 7, 8, 9, 11, 12, 11, 8, 4], float
)


@dataclass(frozen=True, slots=True)
class Population:
    """Actors and their sessions; sessions of one actor are adjacent, in time order.

    Attributes:
        family: position in the families, shape (n_actors,).
        store: position in STORE_MODES, shape (n_actors,).
        taste: place on the price ladder, 0 to 1, shape (n_actors,).
        pace: own speed in standard deviations, shape (n_actors,).
        habits: own weights in standard deviations, shape (n_actors, 9).
        actor: of each session, shape (n_sessions,).
        is_last: whether it is the last of two or more, shape (n_sessions,).
        start_ms: UTC milliseconds, shape (n_sessions,).
    """

    family: NDArray[np.int64]
    store: NDArray[np.int64]
    taste: NDArray[np.float64]
    pace: NDArray[np.float64]
    habits: NDArray[np.float64]
    actor: NDArray[np.int64]
    is_last: NDArray[np.bool_]
    start_ms: NDArray[np.int64]


def draw_population(
    n_sessions: int, families: Sequence[Family], rng: np.random.Generator
) -> Population:
    """Draw actors until each family has its share of the sessions; the shares do not depend on the
    seed.

    Args:
        n_sessions: 1 or more.
        families: their shares add up to 1.
        rng: source of all randomness.
    """
    quotas = np.diff(
        np.round(np.cumsum([0.0, *(family.share for family in families)]) * n_sessions).astype(
            np.int64
        )
    )
    sizes = [
        _draw_sizes(family, int(quota), rng) for family, quota in zip(families, quotas, strict=True)
    ]
    order = rng.permutation(sum(size.size for size in sizes))
    family = np.repeat(np.arange(len(families)), [size.size for size in sizes])[order]
    actor = np.repeat(np.arange(order.size), np.concatenate(sizes)[order])
    n_actors = order.size
    same_as_before = np.insert(actor[1:] == actor[:-1], 0, False)
    is_last = same_as_before & ~np.append(same_as_before[1:], False)
    return Population(
        family=family,
        store=rng.integers(0, len(STORE_MODES), n_actors),
        taste=rng.beta(2.0, 2.0, n_actors),
        pace=rng.standard_normal(n_actors),
        habits=rng.standard_normal((n_actors, N_HABITS)),
        actor=actor,
        is_last=is_last,
        start_ms=_draw_starts(actor, family, families, rng),
    )


def _draw_sizes(family: Family, n_sessions: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Sessions of each actor of a family; the last actor gets the rest."""
    spare = _MOST_SESSIONS - family.min_sessions
    sizes = family.min_sessions + rng.binomial(
        spare, (family.mean_sessions - family.min_sessions) / spare, n_sessions
    )
    return np.bincount(np.repeat(np.arange(n_sessions), sizes)[:n_sessions])


def _draw_starts(
    actor: NDArray[np.int64],
    family: NDArray[np.int64],
    families: Sequence[Family],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Start times: days by the family's gap, hours by its rhythm, two hours apart or more."""
    kind = family[actor]
    gap_days = (
        np.array([one.gap_h for one in families])[kind] / 24.0 * rng.exponential(size=actor.size)
    )
    days = rng.random(family.size)[actor] * WINDOW_DAYS + gap_days
    flat = rng.random(actor.size) < np.array([one.flatness for one in families])[kind]
    peopled = rng.choice(24, actor.size, p=_PEOPLE_BY_HOUR / _PEOPLE_BY_HOUR.sum())
    hours = np.where(flat, rng.integers(0, 24, actor.size), peopled) + rng.random(actor.size)
    start_ms = START_MS + (((days.astype(np.int64) % WINDOW_DAYS) + hours / 24.0) * DAY_MS).astype(
        np.int64
    )
    start_ms = start_ms[np.lexsort((start_ms, actor))]
    for row in range(1, _MOST_SESSIONS):
        later = np.flatnonzero(actor[row:] == actor[:-row]) + row
        start_ms[later] = np.maximum(start_ms[later], start_ms[later - 1] + _LEAST_GAP_MS)
    return np.asarray(start_ms)
