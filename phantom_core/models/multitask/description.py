"""Description: what a saved network is, beside its weights; read without torch."""

from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.model_store.store import ModelFiles
from phantom_core.models.curves import Calibration
from phantom_core.models.multitask.inputs import session_columns
from phantom_core.models.multitask.scorer import NetworkScorer, open_session

ONNX_FILE: Final = "model.onnx"
DESCRIPTION: Final = "network.json"


@dataclass(frozen=True, slots=True)
class Architecture:
    """What is needed to build a network before its weights are loaded.

    Attributes:
        width: factor on all hidden sizes.
        dropout: share of hidden units left out in training.
        has_price: whether the price reaches the purchase head; not where it never varied.
    """

    width: float
    dropout: float
    has_price: bool


@dataclass(frozen=True, slots=True)
class Description:
    """What is needed beside the weights.

    Attributes:
        architecture: how the network is built.
        agent, purchase: calibrations of both heads.
        knows_agents: whether there were labels to train the agent head on.
    """

    architecture: Architecture
    agent: Calibration
    purchase: Calibration
    knows_agents: bool

    def to_json(self) -> bytes:
        """As network.json holds it."""
        return _ADAPTER.dump_json(self, indent=2)


_ADAPTER: Final = TypeAdapter(Description)


def fold_name(k: int) -> str:
    """File of the network that did not see fold k."""
    return f"fold-{k}.onnx"


def read_description(model: ModelFiles) -> Description:
    """How a saved network is built and calibrated.

    Raises:
        DataError: the file is gone, was changed, or cannot be read.
    """
    try:
        return _ADAPTER.validate_json(model.read(DESCRIPTION))
    except ValidationError as error:
        raise DataError(
            f"Model {model.manifest.version} cannot be read as a network.", hint="Train again."
        ) from error


def available_answers(model: ModelFiles) -> tuple[str, ...]:
    """What a saved network predicts: no P(agent) where it was trained without labels.

    Raises:
        DataError: the file is gone, was changed, or cannot be read.
    """
    return ("agent", "purchase") if read_description(model).knows_agents else ("purchase",)


def open_scorer(model: ModelFiles, *, with_folds: bool = False) -> NetworkScorer:
    """Open a saved network for inference.

    Args:
        model: as the store found it.
        with_folds: also the networks of its folds, for the uncertainty of a demand curve.
    Raises:
        DataError: a file is gone, was changed, or is not what its name says.
    """
    description, version = read_description(model), model.manifest.version
    names = (
        sorted(name for name in model.manifest.files if name.startswith("fold-"))
        if with_folds
        else []
    )
    columns = session_columns(model.manifest)
    return NetworkScorer(
        open_session(model.read(ONNX_FILE), f"{ONNX_FILE} of model {version}", columns),
        tuple(
            open_session(model.read(name), f"{name} of model {version}", columns) for name in names
        ),
        has_demand=description.architecture.has_price,
        knows_agents=description.knows_agents,
        version=version,
    )
