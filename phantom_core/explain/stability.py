"""Stability: whether two trainings of a model rely on the same features."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from phantom_core.explain.importance import Importance


@dataclass(frozen=True, slots=True)
class Shift:
    """One feature in two models.

    Attributes:
        name: the feature.
        first: mean size of its contribution in the first model; 0 where the model does not read it.
        second: in the second model.
        first_rank: 1 for the feature that moves the first model most.
        second_rank: in the second model.
    """

    name: str
    first: float
    second: float
    first_rank: int
    second_rank: int


@dataclass(frozen=True, slots=True)
class Stability:
    """How alike two models are in what they rely on.

    Attributes:
        rank_correlation: Spearman's, of the features' mean contributions; None where it is not
            defined.
        shifts: every feature of either model, those of the first model's top first.
    """

    rank_correlation: float | None
    shifts: tuple[Shift, ...]


def measure_stability(first: Sequence[Importance], second: Sequence[Importance]) -> Stability:
    """Compare what two models rely on.

    Args:
        first: features of one model.
        second: features of the other, on much the same sessions.
    """
    of_first, of_second = ({row.name: row.mean_abs for row in rows} for rows in (first, second))
    names = sorted({*of_first, *of_second})
    sizes = np.array([[of.get(name, 0.0) for name in names] for of in (of_first, of_second)])
    first_rank, second_rank = (
        np.argsort(np.argsort(-row, kind="stable"), kind="stable") + 1 for row in sizes
    )
    shifts = [
        Shift(name, float(sizes[0, i]), float(sizes[1, i]), int(first_rank[i]), int(second_rank[i]))
        for i, name in enumerate(names)
    ]
    return Stability(
        _rank_correlation(sizes), tuple(sorted(shifts, key=lambda shift: shift.first_rank))
    )


def _rank_correlation(sizes: np.typing.NDArray[np.float64]) -> float | None:
    if sizes.shape[1] < 2 or np.ptp(sizes, axis=1).min() == 0:
        return None
    return float(spearmanr(sizes[0], sizes[1]).statistic)
