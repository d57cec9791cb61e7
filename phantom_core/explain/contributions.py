"""Contributions: how much each feature adds to what a model says of a session (SHAP values)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.progress import Progress, no_progress
from phantom_core.explain.shap_package import load_shap

if TYPE_CHECKING:
    import shap


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """What a model's output is made of.

    Attributes:
        names: features, n_names of them.
        values: what each feature adds, in the unit of the output, shape (n_rows, n_names).
        base: output before anything is known of a session.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]
    base: float

    @property
    def output(self) -> NDArray[np.float64]:
        """What the model says, shape (n_rows,): base and contributions add up to it."""
        total: NDArray[np.float64] = self.base + self.values.sum(axis=1, dtype=np.float64)
        return total

    def to_shap(self, data: NDArray[np.generic] | None = None) -> "shap.Explanation":
        """The same for shap's own plots.

        Args:
            data: what the features are, shape (n_rows, n_names); without it plots show no values.
        """
        return load_shap().Explanation(
            self.values,
            base_values=np.full(len(self.values), self.base),
            data=data,
            feature_names=list(self.names),
        )

    @property
    def mean_abs(self) -> NDArray[np.float64]:
        """Mean size of each feature's contribution, shape (n_names,)."""
        size: NDArray[np.float64] = np.abs(self.values).mean(axis=0, dtype=np.float64)
        return size


class Explained(Protocol):
    """A model whose output can be taken apart."""

    @property
    def names(self) -> tuple[str, ...]:
        """Features it reads, in order."""

    def contributions(
        self, values: NDArray[np.float32], progress: Progress = no_progress
    ) -> Contributions:
        """Take the output apart, exactly.

        Args:
            values: encoded features, shape (n_rows, n_names), NaN where undefined.
            progress: told all along; its CancelledError ends the work.
        """
