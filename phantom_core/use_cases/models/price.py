"""Price an offer: the saved network's prediction for a session and a product, and the price."""

import io
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.limits import read_price_limits
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.evaluation.multitask_report import ELASTICITIES, FILE, KIND, parse_report
from phantom_core.features.definitions import is_defined_alike
from phantom_core.features.offers.offers import RELATIONS, describe_offers
from phantom_core.lake.lake import Lake
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.models.multitask.description import open_scorer
from phantom_core.models.multitask.inputs import Inputs, offer_inputs
from phantom_core.models.multitask.scorer import NetworkScorer
from phantom_core.models.optimal_price import PricingObjective
from phantom_core.models.price_curve import PriceCurve, price_curve


@dataclass(frozen=True, slots=True, eq=False)
class PricedOffer:
    """A session, a product, and the price curve within guard rails.

    Attributes:
        session_id, product_id: ids.
        quote_ms: moment of the quote, UTC milliseconds; only events before it count.
        base_price: currency.
        model_version: name of the network.
        inputs: of the network, one row.
        curve: expected outcome of each price.
    """

    session_id: str
    product_id: str
    quote_ms: int
    base_price: float
    model_version: str
    inputs: Inputs
    curve: PriceCurve

    @property
    def price(self) -> float:
        """Best price, currency."""
        return round(self.curve.best_ratio * self.base_price, 2)

    def to_json(self) -> dict[str, object]:
        """The answer as one JSON object."""
        curve = self.curve
        return {
            "session": self.session_id,
            "product": self.product_id,
            "price": self.price,
            "base_price": self.base_price,
            "markup": curve.best_ratio,
            "markup_ci": [curve.best_low, curve.best_high],
            "at_guard_rail": curve.is_at_guard_rail,
            "agent_probability": curve.p_agent,
            "purchase_probability": curve.p_best,
            "objective": curve.terms.objective,
            "reference_ratio": curve.terms.reference_ratio,
            "leakage_weight": curve.terms.leakage_weight,
            "model_version": self.model_version,
            "curve": {
                "markup": curve.ratios.round(4).tolist(),
                "purchase_probability": curve.p_purchase.round(6).tolist(),
                "revenue": curve.revenue.round(6).tolist(),
                "leakage": curve.leakage.round(6).tolist(),
            },
        }


@requires(Permission.READ)
def default_objective(settings: Settings) -> PricingObjective:
    """The default pricing objective: the settings', within the guard rails in force."""
    return PricingObjective(
        read_price_limits(settings).guard_rails,
        settings.objective.reference_ratio,
        settings.objective.leakage_weight,
    )


@requires(Permission.READ)
def price_offer(
    settings: Settings,
    lake: Lake,
    session_id: str,
    product_id: str,
    *,
    version: str | None = None,
    objective: PricingObjective | None = None,
) -> PricedOffer:
    """Price a product for a session, at its first quote of the product, else after its last event.

    Args:
        settings: workspace and default objective.
        lake: the events.
        session_id: id of the session.
        product_id: id of the product.
        version: of the network; None means the latest.
        objective: that prices maximise; None means `default_objective`.
    Raises:
        NotFoundError: no such session, product or network.
        DataError: the network has no demand curve, is damaged or reads other features, or the
            product has no base price.
    """
    model = ModelStore(settings.workspace, KIND).open(version)
    scorer = demand_scorer(model)
    with lake.connect(RELATIONS) as connection:
        offer = _offer(connection, session_id, product_id)
        described = describe_offers(connection, offer)
    known = pq.read_table(io.BytesIO(model.read(ELASTICITIES)))
    at = pc.index_in(described["product_id"], value_set=known["product_id"].combine_chunks())
    described = described.append_column("price_elasticity", known["elasticity"].take(at))
    base_price = described["base_price"][0].as_py()
    if base_price is None:
        raise DataError(
            f"Product '{product_id}' has no base price.",
            hint="Load quotes with base_price, or a catalogue.",
        )
    inputs = offer_inputs(described)
    return PricedOffer(
        session_id=session_id,
        product_id=product_id,
        quote_ms=int(described["quote_ms"][0].as_py()),
        base_price=base_price,
        model_version=scorer.version,
        inputs=inputs,
        curve=price_curve(scorer, inputs, objective or default_objective(settings)),
    )


@requires(Permission.READ)
def check_definitions(model: StoredModel) -> None:
    """Reject a network whose features were defined differently.

    Raises:
        DataError: they were.
    """
    if not is_defined_alike(model.manifest.sql_hash, model.manifest.features):
        raise DataError(
            f"Model {model.manifest.version} was trained on features that were defined "
            "differently.",
            hint="Train the network again.",
        )


@requires(Permission.READ)
def demand_scorer(model: StoredModel) -> NetworkScorer:
    """Open a network that has a demand curve.

    Raises:
        DataError: it has none, or reads features that were defined differently.
    """
    check_definitions(model)
    scorer = open_scorer(model, with_folds=True)
    if not scorer.has_demand:
        demand = parse_report(model.read(FILE)).demand
        raise DataError(f"There is no demand curve. {demand.refusal}", hint=demand.hint)
    return scorer


def _offer(connection: duckdb.DuckDBPyConnection, session_id: str, product_id: str) -> pa.Table:
    """The first quote of a product in a session, else an offer right after the last event."""
    session = connection.execute(
        "SELECT ANY_VALUE(session_key), ANY_VALUE(store_mode), MAX(event_ms) + 1 FROM events "
        "WHERE session_id = ?",
        [session_id],
    ).fetchall()[0]
    if session[0] is None:
        raise NotFoundError(
            f"There is no session '{session_id}'.", hint="Copy its id from the page Sessions."
        )
    quotes = connection.execute(
        "SELECT event_ms, price, base_price, propensity FROM quotes WHERE session_key = ? AND "
        "product_id = ? "
        "ORDER BY event_ms, event_seq, event_id LIMIT 1",
        [session[0], product_id],
    ).fetchall()
    if not quotes:
        base = _base_price(connection, product_id)
        quotes = [(session[2], base, base, None)]
    ((quote_ms, price, base_price, propensity),) = quotes
    return pa.table(
        {
            "scope_key": pa.array([0], pa.int64()),
            "session_key": pa.array([session[0]], pa.int64()),
            "product_id": [product_id],
            "store_mode": [session[1]],
            "quote_ms": pa.array([quote_ms], pa.int64()),
            "price": pa.array([price], pa.float64()),
            "base_price": pa.array([base_price], pa.float64()),
            "propensity": pa.array([propensity], pa.float64()),
            "is_any_product": [False],
        }
    )


def _base_price(connection: duckdb.DuckDBPyConnection, product_id: str) -> float | None:
    """Base price in the catalogue, else in the newest quote."""
    found = connection.execute(
        "SELECT base_price, 0 AS place, 0 AS newest FROM catalogue WHERE product_id = $1 "
        "UNION ALL SELECT base_price, 1, -event_ms FROM quotes WHERE product_id = $1 ORDER BY "
        "place, newest LIMIT 1",
        [product_id],
    ).fetchall()
    if not found:
        raise NotFoundError(
            f"There is no product '{product_id}'.",
            hint="Products come from quotes or from a catalogue.",
        )
    return float(found[0][0]) if found[0][0] is not None else None
