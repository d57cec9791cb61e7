"""Trees taken apart by shap: what each feature, and each pair of them, adds to log-odds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from phantom_core.core.progress import Progress, no_progress
from phantom_core.explain.contributions import Contributions
from phantom_core.explain.shap_package import load_shap
from phantom_core.models.classifier import Classifier
from phantom_core.models.encoding import feature_types

if TYPE_CHECKING:
    import shap

# So many sessions are explained at a time: memory stays small, and progress and cancelling are
# never far away.
CHUNK_ROWS: Final = 2_000
CHUNK_ROWS_OF_PAIRS: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedTrees:
    """Gradient-boosted trees, whose log-odds `shap.TreeExplainer` takes apart exactly by following
    every path; here the work is done in chunks that can be cancelled.

    Attributes:
        booster: the trees.
        names: features in the order the trees know.
    Source: Lundberg et al. 2020, From local explanations to global understanding with explainable
        AI for trees.
    """

    booster: xgb.Booster
    names: tuple[str, ...]

    @classmethod
    def of(cls, classifier: Classifier) -> "ExplainedTrees":
        """The trees of an agent classifier; the output is the log-odds before calibration."""
        return cls(classifier.booster, classifier.names)

    def contributions(
        self, values: NDArray[np.float32], progress: Progress = no_progress
    ) -> Contributions:
        """Take log-odds apart, exactly.

        Args:
            values: encoded features, shape (n_rows, n_names), NaN where undefined.
            progress: told all along; its CancelledError ends the work.
        """
        explainer = self._explainer()
        # The explainer knows the base only after a row, the same after every row: one of nothing
        # does, so that no sessions have it too.
        explainer.shap_values(self._matrix(np.full((1, len(self.names)), np.nan, np.float32)))
        base = float(explainer.expected_value)
        found = np.empty(values.shape, dtype=np.float32)
        for start, stop in _chunks(len(values), CHUNK_ROWS):
            progress(start / len(values), f"{start:,} of {len(values):,} sessions explained")
            found[start:stop] = explainer.shap_values(self._matrix(values[start:stop]))
        return Contributions(self.names, found, base)

    def mean_interactions(
        self, values: NDArray[np.float32], progress: Progress = no_progress
    ) -> NDArray[np.float64]:
        """Mean size of what two features add together, beyond what each adds alone.

        Slow: about a second for every thirty sessions.

        Args:
            values: encoded features, shape (n_rows, n_names), at least one row.
            progress: told all along; its CancelledError ends the work.
        Returns:
            Shape (n_names, n_names), symmetric, in log-odds; the diagonal is what each feature adds
            alone.
        """
        explainer = self._explainer()
        total = np.zeros((len(self.names), len(self.names)))
        for start, stop in _chunks(len(values), CHUNK_ROWS_OF_PAIRS):
            progress(start / len(values), f"interactions in {start:,} of {len(values):,} sessions")
            pairs = explainer.shap_interaction_values(self._matrix(values[start:stop]))
            total += np.abs(pairs).sum(axis=0, dtype=np.float64)
        # shap gives each half of a pair to either side; together they are the pair's.
        off_diagonal = 2.0 - np.eye(len(self.names))
        mean: NDArray[np.float64] = total * off_diagonal / len(values)
        return mean

    def _explainer(self) -> "shap.TreeExplainer":
        return load_shap().TreeExplainer(self.booster)

    def _matrix(self, values: NDArray[np.float32]) -> xgb.DMatrix:
        return xgb.DMatrix(
            values,
            feature_names=list(self.names),
            feature_types=feature_types(self.names),
            enable_categorical=True,
        )


def _chunks(n_rows: int, size: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + size, n_rows)) for start in range(0, n_rows, size))
