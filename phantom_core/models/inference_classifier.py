"""The inference classifier: P(agent) of one session, without the libraries of training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from pydantic import TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.model_store.store import ModelFiles
from phantom_core.models.curves import Calibration
from phantom_core.models.encoding import encode_session
from phantom_core.models.inference_trees import InferenceTrees

TREES: Final = "model.ubj"
DECISION: Final = "calibration.json"


@dataclass(frozen=True, slots=True)
class AgentDecision:
    """From the trees' margin to a decision.

    Attributes:
        calibration: curve from margin to probability.
        threshold: probability from which a session counts as an agent.
    """

    calibration: Calibration
    threshold: float

    def to_json(self) -> bytes:
        """As calibration.json holds it."""
        return _ADAPTER.dump_json(self, indent=2)


_ADAPTER: Final = TypeAdapter(AgentDecision)


def read_decision(model: ModelFiles) -> AgentDecision:
    """Calibration and threshold of a saved classifier.

    Raises:
        DataError: the file is gone, was changed, or cannot be read.
    """
    try:
        return _ADAPTER.validate_json(model.read(DECISION))
    except ValidationError as error:
        raise DataError(
            f"Model {model.manifest.version} cannot be read as a classifier.", hint="Train again."
        ) from error


@dataclass(frozen=True, slots=True, eq=False)
class InferenceClassifier:
    """A classifier that scores one session at a time.

    Attributes:
        trees: evaluated by XGBoost's C library.
        decision: calibration and threshold.
        version: name of the saved model.
    """

    trees: InferenceTrees
    decision: AgentDecision
    version: str

    def agent_probability(self, session: Mapping[str, float | str | None]) -> float:
        """Probability that a session is an agent's, in (0, 1).

        Args:
            session: values by feature; None or absent where undefined.
        """
        margin = self.trees.margin(encode_session(session, self.trees.names))
        return float(self.decision.calibration.probability(np.array([margin]))[0])


def open_classifier(model: ModelFiles) -> InferenceClassifier:
    """Open a saved classifier for inference.

    Raises:
        DataError: a file is gone, was changed, or is not what its name says.
    """
    version = model.manifest.version
    trees = InferenceTrees(model.read(TREES), f"{TREES} of model {version}")
    if trees.names != model.manifest.features:
        raise DataError(
            f"The trees of model {version} read other features than its manifest says.",
            hint="Train again.",
        )
    return InferenceClassifier(trees, read_decision(model), version)
