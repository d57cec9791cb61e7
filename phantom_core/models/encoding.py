"""Encoding: the feature matrix as numbers, NULL as NaN."""

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.features.catalogue import CATEGORIES

LARGEST: Final = float(np.finfo(np.float32).max)

FeatureType = Literal["q", "c"]


def encode_features(features: pa.Table, names: Sequence[str]) -> NDArray[np.float32]:
    """Features as one matrix.

    Args:
        features: has the columns `names`: numbers, booleans or a category.
        names: the columns wanted, in order.
    Returns:
        Shape (n_rows, n_names); NaN where undefined, infinite or beyond float32; a category as its
        number, yes/no as 1/0.
    """
    matrix = np.empty((features.num_rows, len(names)), dtype=np.float32)
    for position, name in enumerate(names):
        numbers = _numbers(features[name], name)
        matrix[:, position] = np.where(np.abs(numbers) <= LARGEST, numbers, np.nan)
    return matrix


def encode_session(
    session: Mapping[str, float | str | None], names: Sequence[str]
) -> NDArray[np.float32]:
    """Features of one session as numbers, as `encode_features` gives them.

    Args:
        session: values by feature, yes/no as 1/0; None, NaN or absent where undefined.
        names: the features wanted, in order.
    Returns:
        Shape (n_names,); NaN where undefined, infinite or beyond float32.
    """
    return np.array([_number(session.get(name), name) for name in names], np.float32)


def _number(value: float | str | None, name: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, str):
        known = CATEGORIES[name]
        return float(known.index(value)) if value in known else len(known) - 1.0
    return value if -LARGEST <= value <= LARGEST else math.nan


def feature_types(names: Sequence[str]) -> list[FeatureType]:
    """XGBoost's type of each feature: a quantity or a category.

    >>> feature_types(["item_views", "browser_family"])
    ['q', 'c']
    """
    return ["c" if name in CATEGORIES else "q" for name in names]


def spread_categories(matrix: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float64]:
    """Replace each category by one yes/no column per value, for models that know only quantities.

    Args:
        matrix: what `encode_features` returned, shape (n_rows, n_names).
        names: the columns of `matrix`.
    Returns:
        Shape (n_rows, n_names + values − categories); NaN where undefined.
    """
    parts = [
        _indicators(matrix[:, [i]], len(CATEGORIES[name])) if name in CATEGORIES else matrix[:, [i]]
        for i, name in enumerate(names)
    ]
    return np.hstack(parts).astype(np.float64)


def _indicators(column: NDArray[np.float32], n_values: int) -> NDArray[np.float32]:
    return np.where(np.isnan(column), np.float32(np.nan), column == np.arange(n_values)).astype(
        np.float32
    )


def _numbers(column: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    if name in CATEGORIES:
        known = pc.index_in(column, value_set=pa.array(CATEGORIES[name]))
        other = pc.fill_null(known, len(CATEGORIES[name]) - 1)
        column = pc.if_else(pc.is_valid(column), other, pa.scalar(None, pa.int32()))
    numbers: NDArray[np.float64] = pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy()
    return numbers
