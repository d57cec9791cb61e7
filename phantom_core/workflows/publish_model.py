"""Publish a model: what is in use in the workspace becomes what services score with."""

import io
from typing import Final

import pyarrow.parquet as pq

from phantom_core.artifacts.store import ModelStore, StoredModel
from phantom_core.errors import DataError, InputError, NotFoundError, UnavailableError
from phantom_core.evaluation.multitask_report import ELASTICITIES
from phantom_core.publishing.figures import Figures, publish_elasticities
from phantom_core.publishing.models import ModelKind, publish_model, published_version
from phantom_core.publishing.server import connect
from phantom_core.settings import Settings

KINDS: Final[dict[str, ModelKind]] = {"classifier": "classifier", "multitask": "multitask"}


def publish_in_use(settings: Settings, kind: str, now_ms: int) -> str:
    """Make sure that services find the model in use; does nothing where they do.

    A network brings its products' elasticities along.

    Args:
        settings: name the workspace and the server.
        kind: classifier or multitask.
        now_ms: when this is, UTC milliseconds.
    Returns:
        What was done, or why it could not be, one sentence: a server out of reach must not undo a retraining.
    """
    try:
        model = ModelStore(settings.workspace, kind).open()
        client = connect(settings)
        if published_version(client, KINDS[kind]) == model.manifest.version:
            return f"{model.manifest.version} was published before."
        publish_model(client, KINDS[kind], model)
        if ELASTICITIES in model.manifest.files:
            publish_elasticities(client, _elasticities(model, now_ms))
    except NotFoundError:
        return "Nothing is in use, so nothing is published."
    except (UnavailableError, DataError, InputError) as error:
        return f"Not published: {error}"
    return f"Published {model.manifest.version}."


def _elasticities(model: StoredModel, now_ms: int) -> Figures:
    """Elasticities of the products for which one was found."""
    table = pq.read_table(io.BytesIO(model.read(ELASTICITIES)))
    pairs = zip(table["product_id"].to_pylist(), table["elasticity"].to_pylist(), strict=True)
    return Figures(model.manifest.version, now_ms, {product: value for product, value in pairs if value is not None})
