"""Interference: actors that met two arms, whose purchase one arm may owe to prices of the other."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from phantom_core.core.arrays import Floats, Ints

# From this share of the purchases on, effects are likely to be understated by as much.
WARN_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Interference:
    """Sessions whose actor had met another arm before.

    Attributes:
        actors: with sessions in two arms or more.
        purchases: sessions that bought after their actor had met another arm.
        share: of all purchases; 0 without any.
    """

    actors: int
    purchases: int
    share: float

    @property
    def is_large(self) -> bool:
        """Whether so many purchases may owe something to another arm that effects are doubtful."""
        return self.share >= WARN_SHARE


def measure_interference(arm: Ints, actor: Ints, bought: Floats) -> Interference:
    """Count purchases that may owe something to another arm.

    Args:
        arm: of each session, in the order of arrival.
        actor: behind each.
        bought: whether it bought, 1 or 0.

    >>> measure_interference(np.array([0, 1, 1]), np.array([7, 7, 8]), np.array([0.0, 1.0, 1.0]))
    Interference(actors=1, purchases=1, share=0.5)
    """
    if not arm.size:
        return Interference(0, 0, 0.0)
    _, first, position = np.unique(actor, return_index=True, return_inverse=True)
    changed = arm != arm[first][position]
    # Once an actor has met a second arm, every later session of it comes after another arm.
    order = np.argsort(position, kind="stable")
    running = np.cumsum(changed[order])
    starts = np.searchsorted(position[order], np.arange(first.size))
    before = np.where(starts > 0, running[starts - 1], 0)
    crossed = np.empty(arm.size, np.bool_)
    crossed[order] = running > before[position[order]]
    bought_after = int(((bought > 0) & crossed).sum())
    total = int((bought > 0).sum())
    actors = int(np.unique(position[changed]).size)
    return Interference(actors, bought_after, bought_after / total if total else 0.0)
