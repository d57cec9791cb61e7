"""Label queue: the sessions where a label is worth most: uncertainty × money × novelty.

Uncertainty is 4p(1 − p) of the probability of an agent; money is the price at stake, on a scale on
which ten times as much counts twice; novelty is the distance to the nearest session that has a
label or is ahead in the queue, so that a queue is not twenty sessions of one bot.

Source: Settles 2012, Active learning; Sener and Savarese 2018, Active learning for CNNs: a core-set
approach (greedy distances).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints

_LARGEST_POOL: Final = 4_000
_LARGEST_KNOWN: Final = 2_000
# An uncertain session next to a labelled one is still worth something.
_LEAST_FACTOR: Final = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class LabelQueue:
    """Sessions in the order in which to label them.

    Attributes:
        row: of each, into the given sessions, shape (n,).
        uncertainty, money, novelty: factors of its worth in [0, 1], shape (n,) each.
    """

    row: Ints
    uncertainty: Floats
    money: Floats
    novelty: Floats

    @property
    def worth(self) -> Floats:
        """Product of the factors."""
        return np.asarray(self.uncertainty * self.money * self.novelty)


def order_by_worth(
    values: NDArray[np.float32],
    probability: Floats,
    at_stake: Floats,
    is_known: NDArray[np.bool_],
    n_wanted: int,
    rng: np.random.Generator,
) -> LabelQueue:
    """The sessions whose label is worth most.

    Args:
        values: encoded features, NaN where undefined, shape (n_rows, n_names).
        probability: of an agent, shape (n_rows,).
        at_stake: price in question, NaN or 0 where none, shape (n_rows,).
        is_known: sessions that need no label, shape (n_rows,).
        n_wanted: length of the queue.
        rng: samples very many sessions.
    """
    place = places(values)
    uncertainty = np.maximum(4 * probability * (1 - probability), _LEAST_FACTOR)
    money = _money(at_stake)
    pool = np.flatnonzero(~is_known)
    if pool.size > _LARGEST_POOL:
        # Half by what can be seen at once, half by chance, so that nothing is out of reach.
        best = pool[np.argsort(-(uncertainty * money)[pool], kind="stable")[: _LARGEST_POOL // 2]]
        rest = np.setdiff1d(pool, best)
        pool = np.concatenate([best, rng.choice(rest, _LARGEST_POOL - best.size, replace=False)])
    known = np.flatnonzero(is_known)
    if known.size > _LARGEST_KNOWN:
        known = rng.choice(known, _LARGEST_KNOWN, replace=False)
    distance = _nearest(place[pool], place[known])
    return _greedy(pool, place, uncertainty, money, distance, n_wanted)


def places(values: NDArray[np.float32]) -> Floats:
    """Sessions as points: ranks of features in [0, 1], an undefined one in the middle."""
    place = np.full(values.shape, 0.5)
    for k, column in enumerate(values.T):
        known = ~np.isnan(column)
        if known.any():
            _, rank, times = np.unique(column[known], return_inverse=True, return_counts=True)
            middle = (np.cumsum(times) - times / 2) / known.sum()
            place[known, k] = middle[rank]
    return place


def _money(at_stake: Floats) -> Floats:
    value = np.nan_to_num(at_stake, nan=0.0)
    positive = value[value > 0]
    if not positive.size:
        return np.ones(value.size)
    scale = np.log10(1 + 9 * value / np.median(positive))
    return np.asarray(np.clip(scale / 2, _LEAST_FACTOR, 1.0))


def _nearest(place: Floats, known: Floats) -> Floats:
    """Distance to the nearest known session, 1 for the usual one of two sessions."""
    if not known.size:
        return np.ones(len(place))
    squares = (place**2).sum(axis=1)[:, None] + (known**2).sum(axis=1)[None, :]
    return np.asarray(np.sqrt(np.maximum(squares - 2 * place @ known.T, 0).min(axis=1)))


def _greedy(
    pool: Ints, place: Floats, uncertainty: Floats, money: Floats, distance: Floats, n_wanted: int
) -> LabelQueue:
    own, usual = place[pool], np.sqrt(place.shape[1] / 6)
    fixed = (uncertainty * money)[pool]
    chosen, novelty = [], []
    left = np.ones(pool.size, np.bool_)
    for _ in range(min(n_wanted, pool.size)):
        new = np.clip(distance / usual, _LEAST_FACTOR, 1.0)
        best = int(np.argmax(np.where(left, fixed * new, -1.0)))
        chosen.append(best)
        novelty.append(float(new[best]))
        left[best] = False
        distance = np.minimum(distance, np.sqrt(((own - own[best]) ** 2).sum(axis=1)))
    row = pool[np.array(chosen, np.int64)]
    return LabelQueue(row, uncertainty[row], money[row], np.array(novelty))
