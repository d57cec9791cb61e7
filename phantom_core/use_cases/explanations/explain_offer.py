"""Explain an offer: why the network scores a session and a product as it does."""

import io
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import JsonValue

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, InputError, NotFoundError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.evaluation.multitask_report import ELASTICITIES, FILE, KIND, parse_report
from phantom_core.explain.explanation import Output
from phantom_core.explain.network import ExplainedNetwork
from phantom_core.explain.one_offer import OfferExplanation
from phantom_core.explain.one_offer import explain_offer as explain
from phantom_core.features.offers.offers import RELATIONS, moments_named, session_offers
from phantom_core.lake.lake import Lake
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.models.multitask.saved import read_network
from phantom_core.use_cases.explanations.explain import ExplanationScope
from phantom_core.use_cases.explanations.explain_network import (
    MAX_EXPLAINED,
    background_of,
    explain_network,
    outputs_of,
)
from phantom_core.use_cases.models.price import check_definitions


@requires(Permission.WORK)
def explain_multitask(
    settings: Settings, lake: Lake, request: ExplanationScope, progress: Progress
) -> Mapping[str, JsonValue]:
    """Explain what the network relies on, or one offer.

    Raises:
        InputError: the request has interactions, or a product without its session.
        DataError: the network lacks the output.
    """
    output, version = request.output, request.version
    if request.session_id is not None:
        return explain_offer(
            settings,
            lake,
            request.session_id,
            output or "agent",
            product_id=request.product_id,
            version=version,
            progress=progress,
        ).to_json()
    if request.n_paired or request.product_id is not None:
        raise InputError(
            "The network has no interactions, and a product needs its session.",
            hint="Leave them out.",
        )
    found = explain_network(
        settings, lake, version=version, n_offers=request.n_rows or MAX_EXPLAINED, progress=progress
    )
    if output is None:
        return {name: one.to_json() for name, one in found.items()}
    if output not in found:
        raise DataError(
            "The network was trained without labels, so it has no P(agent).",
            hint="Choose --output purchase.",
        )
    return found[output].to_json()


@requires(Permission.READ)
def explain_offer(
    settings: Settings,
    lake: Lake,
    session_id: str,
    output: Output,
    *,
    product_id: str | None = None,
    version: str | None = None,
    progress: Progress = no_progress,
) -> OfferExplanation:
    """Explain the network's score of a session and a product, just before its first quote.

    Args:
        settings: workspace.
        lake: the events.
        session_id: id of the session.
        output: of the network.
        product_id: id of the product; None means the first one quoted in the session.
        version: of the network; None means the latest.
        progress: called throughout.
    Raises:
        NotFoundError: no such session or network, or the product was never quoted in the session.
        DataError: the network is damaged, its features are defined differently now, or it lacks
            the output.
    """
    model = ModelStore(settings.workspace, KIND).open(version)
    check_definitions(model)
    if output not in outputs_of(model):
        raise DataError(
            "The network was trained without labels, so it has no P(agent).",
            hint="Load labels and train it again.",
        )
    offer = _offer(lake, model, session_id, product_id)
    network, description = read_network(model)
    background = background_of(settings, lake, model, part_progress(progress, 0, 0.8))
    explained = ExplainedNetwork(network, output, background, settings.seed)
    return explain(explained, output, description, model.manifest.version, session_id, offer)


def _offer(lake: Lake, model: StoredModel, session_id: str, product_id: str | None) -> pa.Table:
    """One row with the features of the offer."""
    moments = moments_named(parse_report(model.read(FILE)).data.moments) or "first_quote"
    with lake.connect(RELATIONS) as connection:
        offers = session_offers(connection, moments, session_id)
    if not offers.num_rows:
        raise NotFoundError(
            f"Session '{session_id}' was shown no product at a price.",
            hint="Copy one from the page Sessions.",
        )
    if product_id is not None:
        offers = offers.filter(pc.equal(offers["product_id"], product_id))
        if not offers.num_rows:
            raise NotFoundError(
                f"Session '{session_id}' was never shown product '{product_id}'.",
                hint="Leave it out for the first one.",
            )
    known = pq.read_table(io.BytesIO(model.read(ELASTICITIES)))
    at = pc.index_in(offers["product_id"], value_set=known["product_id"].combine_chunks())
    return offers.append_column("price_elasticity", known["elasticity"].take(at)).slice(0, 1)
