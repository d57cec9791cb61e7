"""Two-state games: the best mixture of prices where nature chooses one of two states of the world.

max over mixtures of min(mixture's worth in state 0, in state 1). By duality that is the lowest
point, over nature's own mixture θ, of the upper envelope of the lines (1 − θ) · x + θ · y, one per
price. Two lines bound the lowest point from either side; each step replaces one of them by the line
that is highest where they cross, until none is higher. So at most two prices are mixed, and the
result is exact after finitely many steps.
Source: von Neumann 1928, for the equality of both values.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from phantom_core.core.arrays import Floats, Ints

_MOST_STEPS: Final = 1_000
_ROUNDING: Final = 1e-13


@dataclass(frozen=True, slots=True)
class Mixtures:
    """Solutions of many games, arrays of shape (n_games,).

    Attributes:
        value: of each game.
        first, second: the prices that are mixed; equal where one suffices.
        weight: probability of the first.
    """

    value: Floats
    first: Ints
    second: Ints
    weight: Floats


def solve_games(low: Floats, high: Floats) -> Mixtures:
    """Solve many games at once.

    Args:
        low: worth of each price in state 0, shape (n_prices, n_games).
        high: the same in state 1.
    """
    games = np.arange(low.shape[1])
    slope = high - low
    first, second = low.argmax(axis=0), high.argmax(axis=0)
    # Where the best price of a state is no worse in the other one, nature's choice is clear.
    is_first, is_second = slope[first, games] >= 0, slope[second, games] <= 0
    open_games = ~(is_first | is_second)
    for _ in range(_MOST_STEPS):
        if not open_games.any():
            break
        at = games[open_games]
        theta = _crossing(low, slope, first[at], second[at], at)
        worth = low[:, at] + theta * slope[:, at]
        best = worth.argmax(axis=0)
        bound = low[first[at], at] + theta * slope[first[at], at]
        top = worth[best, np.arange(at.size)]
        is_higher = top > bound + _ROUNDING * np.maximum(1.0, np.abs(bound))
        rises = slope[best, at] > 0
        second[at[is_higher & rises]] = best[is_higher & rises]
        first[at[is_higher & ~rises]] = best[is_higher & ~rises]
        open_games[at[~is_higher]] = False
    return _mixtures(low, slope, first, second, is_first, is_second)


def _crossing(low: Floats, slope: Floats, first: Ints, second: Ints, at: Ints) -> Floats:
    """Where the two bounding lines cross."""
    gap = low[first, at] - low[second, at]
    return np.asarray(gap / (slope[second, at] - slope[first, at]))


def _mixtures(
    low: Floats,
    slope: Floats,
    first: Ints,
    second: Ints,
    is_first: np.typing.NDArray[np.bool_],
    is_second: np.typing.NDArray[np.bool_],
) -> Mixtures:
    games = np.arange(low.shape[1])
    second = np.where(is_first, first, second)
    first = np.where(is_second & ~is_first, second, first)
    falls, rises = slope[first, games], slope[second, games]
    is_mixed = first != second
    weight = np.where(is_mixed, rises / np.where(is_mixed, rises - falls, 1.0), 1.0)
    worth = [
        weight * low[first, games] + (1 - weight) * low[second, games],
        weight * (low + slope)[first, games] + (1 - weight) * (low + slope)[second, games],
    ]
    return Mixtures(np.minimum(*worth), first, second, weight)
