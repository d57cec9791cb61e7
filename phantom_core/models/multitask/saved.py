"""A network as files, and back: ONNX for inference, safetensors for weights, JSON for both."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
import onnx
import onnx.numpy_helper
import safetensors
import safetensors.torch
import torch

from phantom_core.core.errors import DataError
from phantom_core.features.catalogue import feature_names
from phantom_core.features.offers.product_features import product_names
from phantom_core.model_store.store import StoredModel
from phantom_core.models.multitask.calibrated import Calibrated
from phantom_core.models.multitask.description import (
    DESCRIPTION,
    ONNX_FILE,
    Description,
    fold_name,
    read_description,
)
from phantom_core.models.multitask.inputs import session_columns
from phantom_core.models.multitask.network import Network
from phantom_core.models.multitask.scorer import INPUTS

WEIGHTS: Final = "weights.safetensors"
_OPSET: Final = 20


def network_files(
    network: Network, folds: tuple[Network, ...], description: Description
) -> dict[str, bytes]:
    """Content of the files that hold a network, by name.

    Args:
        network: trained on all rows.
        folds: one per fold, for the uncertainty of demand curves.
        description: calibrations, and how the network is built.
    """
    exported = [
        Calibrated(one, description.agent, description.purchase).eval() for one in (network, *folds)
    ]
    whole, *parts = _export(exported)
    return {
        WEIGHTS: safetensors.torch.save(
            {name: value.contiguous() for name, value in network.state_dict().items()}
        ),
        ONNX_FILE: whole,
        DESCRIPTION: description.to_json(),
        **{fold_name(k): content for k, content in enumerate(parts)},
    }


def _export(modules: list[Calibrated]) -> list[bytes]:
    """Export modules that differ in weights alone: the first, then copies with other weights."""
    first = to_onnx(modules[0])
    return [first, *(_refilled(first, module) or to_onnx(module) for module in modules[1:])]


def _refilled(exported: bytes, module: Calibrated) -> bytes | None:
    """The export with another module's weights; None where it does not name each of them."""
    model = onnx.load_model_from_string(exported)
    places = {tensor.name: tensor for tensor in model.graph.initializer}
    values = {name: value.detach().numpy() for name, value in module.state_dict().items()}
    if not values.keys() <= places.keys():
        return None
    for name, value in values.items():
        places[name].CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
    return bytes(model.SerializeToString())


def to_onnx(module: Calibrated) -> bytes:
    """Export a module that reads session, product and log_ratio, for any number of rows."""
    rows = (
        torch.zeros(2, len(feature_names())),
        torch.zeros(2, len(product_names())),
        torch.zeros(2),
    )
    n = torch.export.Dim("n")
    with _quiet():
        program = torch.onnx.export(
            module,
            rows,
            input_names=list(INPUTS),
            output_names=["p_agent", "p_purchase"],
            dynamic_shapes=({0: n}, {0: n}, {0: n}),
            opset_version=_OPSET,
            dynamo=True,
            optimize=False,
            verbose=False,
        )
        assert program is not None
        return bytes(program.model_proto.SerializeToString())


def read_network(model: StoredModel) -> tuple[Network, Description]:
    """Read a saved network back, to look into it or to train it further.

    Raises:
        DataError: a file is gone, was changed, or is not what its name says.
    """
    description = read_description(model)
    network = Network(description.architecture, session_columns(model.manifest))
    try:
        network.load_state_dict(safetensors.torch.load(model.read(WEIGHTS)))
    except (safetensors.SafetensorError, RuntimeError) as error:
        raise DataError(
            f"The weights of model {model.manifest.version} are not those of its network.",
            hint="Train again.",
        ) from error
    return network.eval(), description


def read_fold_networks(model: StoredModel) -> tuple[Network, ...]:
    """Networks of the folds, each trained without one group of actors, from their ONNX files.

    Raises:
        DataError: a file is gone, was changed, or does not name its weights.
    """
    architecture, columns = read_description(model).architecture, session_columns(model.manifest)
    fold_files = sorted(
        (name for name in model.manifest.files if name.startswith("fold-")),
        key=lambda name: int(name[5:-5]),
    )
    return tuple(
        _with_weights(
            Network(architecture, columns),
            model.read(name),
            f"{name} of model {model.manifest.version}",
        )
        for name in fold_files
    )


def _with_weights(network: Network, exported: bytes, what: str) -> Network:
    places = {
        tensor.name.removeprefix("network."): tensor
        for tensor in onnx.load_model_from_string(exported).graph.initializer
    }
    wanted = network.state_dict()
    if missing := wanted.keys() - places.keys():
        raise DataError(f"{what} does not name its weights {min(missing)}.", hint="Train again.")
    network.load_state_dict(
        {name: torch.from_numpy(onnx.numpy_helper.to_array(places[name]).copy()) for name in wanted}
    )
    return network.eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's logs and its warnings about its own code."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
