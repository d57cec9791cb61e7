"""The quote classifier: P(agent) of a session at a quote, from what had happened by then.

It learns from sessions cut at their quotes, and gives the probabilities that prices are set with.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import xgboost as xgb
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.models.classifier import classifier_margin
from phantom_core.models.encoding import encode_features
from phantom_core.models.event_curves import EVENTS_SO_FAR
from phantom_core.models.inference_classifier import QuoteDecision


@dataclass(frozen=True, slots=True, eq=False)
class QuoteClassifier:
    """A trained classifier of unfinished sessions.

    Attributes:
        booster: the trees.
        names: features in the order the trees expect.
        decision: calibration by events so far, and threshold.
        version: name of the saved model; empty before it is saved.
    """

    booster: xgb.Booster
    names: tuple[str, ...]
    decision: QuoteDecision
    version: str = ""

    def agent_probability(self, features: pa.Table) -> Floats:
        """Probability that each session is an agent's.

        Args:
            features: of sessions as they were at a quote; has the columns `names`.
        Returns:
            Shape (n_rows,), in (0, 1).
        """
        return self.probability_of(encode_features(features, self.names))

    def probability_of(self, values: NDArray[np.float32]) -> Floats:
        """The same of encoded features, shape (n_rows, n_names)."""
        return self.decision.calibration.probability(
            classifier_margin(self.booster, values), events_so_far(values, self.names)
        )


def events_so_far(values: NDArray[np.float32], names: tuple[str, ...]) -> Floats:
    """Events of each session by then; zeros where the model may not read their number."""
    if EVENTS_SO_FAR not in names:
        return np.zeros(len(values))
    return values[:, names.index(EVENTS_SO_FAR)].astype(np.float64)
