"""The scorer: a saved network run by ONNX Runtime, without torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.core.errors import DataError
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.multitask.network_bytes import check_network

INPUTS: Final = ("session", "product", "log_ratio")


@dataclass(frozen=True, slots=True, eq=False)
class NetworkScores:
    """Scores of rows, each of shape (n,)."""

    p_agent: Floats
    p_purchase: Floats


@dataclass(frozen=True, slots=True, eq=False)
class InferenceNetwork:
    """A saved network, which reads the session features of its training.

    Attributes:
        session: of ONNX Runtime, with outputs p_agent and p_purchase.
        columns: positions among all session features of those it reads; None for all.
    """

    session: onnxruntime.InferenceSession
    columns: list[int] | None

    def run(
        self, outputs: None, feed: dict[str, NDArray[np.float32]]
    ) -> Sequence[NDArray[np.float32]]:
        """P(agent) and P(purchase); arguments as of ONNX Runtime."""
        own = (
            feed if self.columns is None else {**feed, "session": feed["session"][:, self.columns]}
        )
        found: Sequence[NDArray[np.float32]] = self.session.run(outputs, own)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class NetworkScorer:
    """A network ready to score.

    Attributes:
        network: trained on all rows.
        folds: the same by the network of each fold; empty where they are not needed.
        has_demand: whether prices varied enough for a demand curve.
        knows_agents: whether there were labels to learn agents from.
        version: of the saved model.
    """

    network: InferenceNetwork
    folds: tuple[InferenceNetwork, ...]
    has_demand: bool
    knows_agents: bool
    version: str = ""

    def score(self, inputs: Inputs) -> NetworkScores:
        """Score rows."""
        agent, purchase = self.network.run(None, _feed(inputs))
        return NetworkScores(np.asarray(agent, np.float64), np.asarray(purchase, np.float64))

    def demand(self, inputs: Inputs, ratios: Floats) -> Floats:
        """P(purchase) at other prices.

        Args:
            inputs: n rows; their own prices do not matter.
            ratios: price over base price, shape (n, n_prices).
        Returns:
            Shape (n, n_prices).
        """
        return demand_by(self.network, inputs, ratios)

    def demands_of_folds(self, inputs: Inputs) -> list[Callable[[Floats], Floats]]:
        """P(purchase) at price ratios by the network of each fold, as functions like `demand`."""
        return [partial(demand_by, network, inputs) for network in self.folds]

    def demand_by_fold(self, inputs: Inputs, ratios: Floats) -> Floats:
        """The same by the network of each fold, shape (n_folds, n, n_prices)."""
        return np.stack([demand(ratios) for demand in self.demands_of_folds(inputs)])


def demand_by(network: InferenceNetwork, inputs: Inputs, ratios: Floats) -> Floats:
    """P(purchase) at other prices by one network; see `NetworkScorer.demand`."""
    _, purchase = network.run(None, _feed(inputs.at_ratios(ratios)))
    return np.asarray(purchase, np.float64).reshape(ratios.shape)


def open_session(content: bytes, what: str, columns: list[int] | None = None) -> InferenceNetwork:
    """Open an ONNX model on one thread.

    Args:
        content: of its file.
        what: named in errors.
        columns: positions among all session features of those it reads; None for all.
    Raises:
        DataError: it is no ONNX model, or not one with our inputs.
    """
    check_network(content, what)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has no common base for what a broken file raises
        raise DataError(
            f"{what} is no ONNX model that can be read.", hint="Train again."
        ) from error
    if tuple(one.name for one in session.get_inputs()) != INPUTS:
        raise DataError(
            f"{what} is not a network that PHANTOM saved: its inputs are others.",
            hint="Train again.",
        )
    # A network that leaves features out selects its columns itself; one that is older than a
    # feature has an input without it.
    width = session.get_inputs()[0].shape[1]
    return InferenceNetwork(session, columns if columns and width == len(columns) else None)


def _feed(inputs: Inputs) -> dict[str, NDArray[np.float32]]:
    return {"session": inputs.session, "product": inputs.product, "log_ratio": inputs.log_ratio}
