"""Importance: how much each feature, and each family of features, moves a model's output."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from phantom_core.explain.columns import BY_NAME, COLUMN_FAMILIES
from phantom_core.explain.contributions import Contributions


@dataclass(frozen=True, slots=True)
class Importance:
    """Mean size of what one feature or one family adds to the output.

    Attributes:
        name: the feature or the family.
        family: the family itself, or the feature's.
        mean_abs: mean size of the contribution, in the unit of the output.
        low: lower end of where 95 % of models trained on other actors land; None with fewer than
            two folds.
        high: upper end.
    """

    name: str
    family: str
    mean_abs: float
    low: float | None
    high: float | None


def feature_importance(
    whole: Contributions, folds: Sequence[Contributions]
) -> tuple[Importance, ...]:
    """How much each feature moves the output, most first.

    Args:
        whole: of the saved model.
        folds: of models trained on other actors each.
    """
    spread = _half_width([fold.mean_abs for fold in folds], len(whole.names))
    rows = zip(
        whole.names,
        (BY_NAME[name].family for name in whole.names),
        whole.mean_abs,
        spread,
        strict=True,
    )
    return _sorted(
        [_importance(name, family, float(size), half) for name, family, size, half in rows]
    )


def family_importance(
    whole: Contributions, folds: Sequence[Contributions]
) -> tuple[Importance, ...]:
    """How much each family moves the output, most first: contributions within a family are added up
    before their size is taken.

    Args:
        whole: of the saved model.
        folds: of models trained on other actors each.
    """
    families = [
        family
        for family in COLUMN_FAMILIES
        if family in {BY_NAME[name].family for name in whole.names}
    ]
    spread = _half_width([_family_sizes(fold, families) for fold in folds], len(families))
    rows = zip(families, _family_sizes(whole, families), spread, strict=True)
    return _sorted([_importance(family, family, float(size), half) for family, size, half in rows])


def _family_sizes(contributions: Contributions, families: Sequence[str]) -> NDArray[np.float64]:
    of = np.array([BY_NAME[name].family for name in contributions.names])
    return np.array(
        [
            np.abs(contributions.values[:, of == family].sum(axis=1, dtype=np.float64)).mean()
            for family in families
        ]
    )


def _half_width(sizes: Sequence[NDArray[np.float64]], n_names: int) -> Sequence[float | None]:
    """How far 95 % of retrained models lie from the mean, by Student's t over the folds."""
    if len(sizes) < 2:
        return [None] * n_names
    half: list[float | None] = (
        student.ppf(0.975, len(sizes) - 1) * np.std(sizes, axis=0, ddof=1)
    ).tolist()
    return half


def _importance(name: str, family: str, size: float, half: float | None) -> Importance:
    return Importance(
        name,
        family,
        size,
        None if half is None else max(0.0, size - half),
        None if half is None else size + half,
    )


def _sorted(rows: list[Importance]) -> tuple[Importance, ...]:
    return tuple(sorted(rows, key=lambda row: -row.mean_abs))
