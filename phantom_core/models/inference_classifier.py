"""The inference classifier: P(agent) of one session at a quote, without the libraries of training.

Files of a saved classifier: the trees and the calibration of whole sessions, which reports read,
and those of sessions cut at their quotes, which prices read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.model_store.manifest import Manifest
from phantom_core.model_store.store import ModelFiles
from phantom_core.models.curves import Calibration
from phantom_core.models.encoding import encode_session
from phantom_core.models.event_curves import EVENTS_SO_FAR, EventCurves
from phantom_core.models.inference_trees import InferenceTrees

TREES: Final = "model.ubj"
DECISION: Final = "calibration.json"
QUOTE_TREES: Final = "quote_model.ubj"
QUOTE_DECISION: Final = "quote_calibration.json"

Decision = TypeVar("Decision")


@dataclass(frozen=True, slots=True)
class AgentDecision:
    """From the trees' margin of a whole session to a decision.

    Attributes:
        calibration: curve from margin to probability.
        threshold: probability from which a session counts as an agent.
    """

    calibration: Calibration
    threshold: float

    def to_json(self) -> bytes:
        """As calibration.json holds it."""
        return _ADAPTER.dump_json(self, indent=2)


@dataclass(frozen=True, slots=True)
class QuoteDecision:
    """From the trees' margin at a quote to a decision.

    Attributes:
        calibration: curves from margin to probability, by events so far.
        threshold: probability from which a session counts as an agent.
    """

    calibration: EventCurves
    threshold: float

    def to_json(self) -> bytes:
        """As quote_calibration.json holds it."""
        return _QUOTE_ADAPTER.dump_json(self, indent=2)


_ADAPTER: Final = TypeAdapter(AgentDecision)
_QUOTE_ADAPTER: Final = TypeAdapter(QuoteDecision)


def read_decision(model: ModelFiles) -> AgentDecision:
    """Calibration and threshold of a saved classifier, of whole sessions.

    Raises:
        DataError: the file is gone, was changed, or cannot be read.
    """
    return _parsed(_ADAPTER, model, DECISION)


def read_quote_decision(model: ModelFiles) -> QuoteDecision:
    """Calibration and threshold of a saved classifier, at quotes.

    Raises:
        DataError: the file is gone, was changed, or cannot be read.
    """
    return _parsed(_QUOTE_ADAPTER, model, QUOTE_DECISION)


def _parsed(adapter: TypeAdapter[Decision], model: ModelFiles, name: str) -> Decision:
    try:
        return adapter.validate_json(model.read(name))
    except ValidationError as error:
        raise DataError(
            f"Model {model.manifest.version} cannot be read as a classifier.", hint="Train again."
        ) from error


def learned_from_quotes(manifest: Manifest) -> bool:
    """Whether a saved classifier also learned from sessions cut at their quotes."""
    return QUOTE_TREES in manifest.files and QUOTE_DECISION in manifest.files


def require_quotes(manifest: Manifest) -> None:
    """Reject a classifier that never learned what a session looks like at a quote.

    Raises:
        DataError: it learned from whole sessions only.
    """
    if not learned_from_quotes(manifest):
        raise DataError(
            f"The classifier {manifest.version} learned from whole sessions only; at a quote, "
            "where prices are set, its probabilities are wrong.",
            hint="Train another one (python -m phantom_core train classifier) and use it for "
            "prices; reports can go on with this one.",
        )


@dataclass(frozen=True, slots=True, eq=False)
class InferenceClassifier:
    """A classifier that scores one unfinished session at a time.

    Attributes:
        trees: evaluated by XGBoost's C library.
        decision: calibration and threshold.
        version: name of the saved model.
    """

    trees: InferenceTrees
    decision: QuoteDecision
    version: str

    def agent_probability(self, session: Mapping[str, float | str | None]) -> float:
        """Probability that a session is an agent's, in (0, 1).

        Args:
            session: values by feature, as of now; None or absent where undefined.
        """
        names = self.trees.names
        values = encode_session(session, names)
        margin = self.trees.margin(values)
        n_events = values[names.index(EVENTS_SO_FAR)] if EVENTS_SO_FAR in names else 0.0
        return self.decision.calibration.at(margin, float(n_events))


def open_classifier(model: ModelFiles) -> InferenceClassifier:
    """Open a saved classifier for inference at quotes.

    Raises:
        DataError: it learned from whole sessions only; or a file is gone, was changed, or is not
            what its name says.
    """
    require_quotes(model.manifest)
    version = model.manifest.version
    trees = InferenceTrees(model.read(QUOTE_TREES), f"{QUOTE_TREES} of model {version}")
    if trees.names != model.manifest.features:
        raise DataError(
            f"The trees of model {version} read other features than its manifest says.",
            hint="Train again.",
        )
    return InferenceClassifier(trees, read_quote_decision(model), version)
