"""Sample: what a small tree is trained and evaluated on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.core.leakage_terms import USUAL_TERMS, LeakageTerms
from phantom_core.core.limits import GuardRails
from phantom_core.features.catalogue import CATEGORIES
from phantom_core.rules.evaluate import Column


@dataclass(frozen=True, slots=True, eq=False)
class DistillationSample:
    """Labelled sessions with their teacher's mark-ups, arrays of shape (n_sessions,).

    Attributes:
        columns: values by feature, as rules read them.
        markup_ratio: the teacher's price over base price.
        is_agent: labels.
        base_value: what each session bought, at base prices, currency; 0 without a purchase.
        groups: actor of each session.
        guard_rails: mark-ups of trees trained on them lie within.
        terms: hold the reference price of leakage.
    """

    columns: Mapping[str, Column]
    markup_ratio: NDArray[np.float64]
    is_agent: NDArray[np.bool_]
    base_value: NDArray[np.float64]
    groups: NDArray[np.int64]
    guard_rails: GuardRails
    terms: LeakageTerms = USUAL_TERMS

    def __len__(self) -> int:
        return len(self.markup_ratio)

    @property
    def names(self) -> tuple[str, ...]:
        """Features that a tree may use."""
        return tuple(self.columns)

    def __getitem__(self, chosen: NDArray[np.bool_]) -> "DistillationSample":
        columns: dict[str, Column] = {name: values[chosen] for name, values in self.columns.items()}
        return DistillationSample(
            columns,
            self.markup_ratio[chosen],
            self.is_agent[chosen],
            self.base_value[chosen],
            self.groups[chosen],
            self.guard_rails,
            self.terms,
        )

    def without(self, names: Sequence[str]) -> "DistillationSample":
        """The same sessions with fewer features."""
        return replace(
            self,
            columns={name: values for name, values in self.columns.items() if name not in names},
        )


def columns_of(sessions: pa.Table, names: Sequence[str]) -> dict[str, Column]:
    """Features as rules read them: numbers (NaN undefined), yes/no as 1/0, texts (None undefined).

    Args:
        sessions: has the columns `names`.
        names: the features wanted.
    """
    return {
        name: _texts(sessions[name]) if name in CATEGORIES else _numbers(sessions[name])
        for name in names
    }


def _texts(column: pa.ChunkedArray) -> NDArray[np.object_]:
    texts = np.empty(len(column), dtype=np.object_)
    texts[:] = column.to_pylist()
    return texts


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy()
    return numbers
