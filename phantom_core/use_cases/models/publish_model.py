"""Publish a model: services score with the model that is approved for pricing."""

import io

import pyarrow.parquet as pq
import redis

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import (
    ConflictError,
    DataError,
    InputError,
    NotFoundError,
    UnavailableError,
)
from phantom_core.core.settings import Settings
from phantom_core.evaluation.multitask_report import ELASTICITIES
from phantom_core.model_store.store import StoredModel
from phantom_core.publishing.figures import Figures, publish_elasticities
from phantom_core.publishing.models import is_published, publish_model
from phantom_core.signing.keys import signing_key
from phantom_core.use_cases.audit.verify_audit import require_intact_audit
from phantom_core.use_cases.models.model_use import open_approved
from phantom_core.valkey.server import connect_server


@requires(Permission.WORK)
def publish_approved(settings: Settings, kind: str, now_ms: int) -> str:
    """Publish the approved model, unless services have it already.

    Args:
        settings: name the workspace and the server.
        kind: name of a kind of model.
        now_ms: UTC milliseconds.
    Returns:
        What was done, or why it failed, one sentence: an unreachable server must not undo a
        retraining.
    """
    try:
        with connect_server(settings) as client:
            is_new = publish_if_new(settings, client, kind, now_ms)
        version = open_approved(settings, kind).manifest.version
    except NotFoundError:
        return "No model is approved for pricing, so nothing is published."
    except (UnavailableError, DataError, InputError, ConflictError) as error:
        return f"Not published: {error}"
    return f"Published {version}." if is_new else f"{version} was published before."


@requires(Permission.WORK)
def publish_if_new(settings: Settings, client: redis.Redis, kind: str, now_ms: int) -> bool:
    """Publish the approved model where services have another one, or one that is not signed; a
    network with its elasticities.

    Returns:
        Whether it was published.
    Raises:
        NotFoundError: none is approved.
        DataError: it is not the one that was approved.
        ConflictError: the audit chain does not hold.
        UnavailableError: the server does not answer.
    """
    model = open_approved(settings, kind)
    key = signing_key(settings)
    if is_published(client, key.public_keys, kind, model):
        return False
    require_intact_audit(settings)
    publish_model(client, key, kind, model, now_ms=now_ms)
    if ELASTICITIES in model.manifest.files:
        publish_elasticities(client, key, elasticities_of(model, now_ms))
    return True


@requires(Permission.READ)
def elasticities_of(model: StoredModel, now_ms: int) -> Figures:
    """Elasticities of the products that have one, by a saved network."""
    table = pq.read_table(io.BytesIO(model.read(ELASTICITIES)))
    pairs = zip(table["product_id"].to_pylist(), table["elasticity"].to_pylist(), strict=True)
    return Figures(
        model.manifest.version,
        now_ms,
        {product: value for product, value in pairs if value is not None},
    )
