"""Network pricer: the mark-ups that the network asks, for many offers, as pricing servers do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.core.limits import GuardRails
from phantom_core.core.progress import Progress, no_progress
from phantom_core.features.catalogue import CATEGORIES, feature_names
from phantom_core.features.offers.product_features import product_names
from phantom_core.models.encoding import LARGEST
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.multitask.scorer import NetworkScorer
from phantom_core.models.optimal_price import PricingObjective, optimal_prices

Column = NDArray[np.float64] | NDArray[np.object_]
_BATCH: Final = 2_000
_BASE_PRICE: Final = "base_price"
# Catalogue column → what pricing servers know of a product; all else is undefined there.
_KNOWN: Final = {
    "stock": "inventory_level",
    "n_amenities": "n_amenities",
    "is_refundable": "is_refundable",
    "competitor_price": "competitor_price_diff",
    "elasticity": "price_elasticity",
}


@dataclass(frozen=True, slots=True, eq=False)
class NetworkPricer:
    """A network with a demand curve, and what it knows of products.

    Attributes:
        scorer: of the network.
        objective: that its prices maximise, within the guard rails in force.
        products: what is known of each product, by id: a value by column of the catalogue, and
            its elasticity.
    """

    scorer: NetworkScorer
    objective: PricingObjective
    products: Mapping[str, Mapping[str, float | None]]

    @property
    def version(self) -> str:
        """Of the network."""
        return self.scorer.version

    def within(self, guard_rails: GuardRails) -> "NetworkPricer":
        """The same within other guard rails."""
        return replace(self, objective=replace(self.objective, guard_rails=guard_rails))

    def knowing(self, catalogue: pa.Table) -> "NetworkPricer":
        """The same with the products of another catalogue; elasticities stay."""
        elasticities = {
            name: {"elasticity": known["elasticity"]}
            for name, known in self.products.items()
            if known.get("elasticity") is not None
        }
        return replace(self, products=catalogue_values(catalogue, elasticities))

    def markup_ratios(
        self,
        columns: Mapping[str, Column],
        product_id: Sequence[str | None],
        base_price: Floats,
        progress: Progress = no_progress,
    ) -> NDArray[np.float64]:
        """Price over base price of each offer.

        Args:
            columns: all session features just before the offer: numbers with NaN, texts with None
                where undefined, shape (n,) each.
            product_id: of each offer, length n.
            base_price: currency, NaN where unknown, shape (n,).
            progress: called after every batch.
        Returns:
            Shape (n,); NaN where nothing is known of the session, so that the network cannot
            price it.
        """
        session = _encoded_sessions(columns, base_price.size)
        found = np.full(base_price.size, np.nan)
        rows = np.flatnonzero(~np.isnan(session).all(axis=1))
        for start in range(0, rows.size, _BATCH):
            progress(start / rows.size, f"pricing with network {self.version}")
            batch = rows[start : start + _BATCH]
            names = [product_id[row] for row in batch.tolist()]
            found[batch] = self._best(session[batch], self._encoded(names, base_price[batch]))
        return found

    def _best(self, session: NDArray[np.float32], product: NDArray[np.float32]) -> Floats:
        inputs = Inputs(session, product, np.full(len(session), np.nan, np.float32))
        p_agent = (
            self.scorer.score(inputs).p_agent
            if self.scorer.knows_agents
            else np.zeros(len(session))
        )
        return optimal_prices(
            self.objective, lambda ratios: self.scorer.demand(inputs, ratios), p_agent
        ).ratio

    def _encoded(self, names: Sequence[str | None], base_price: Floats) -> NDArray[np.float32]:
        product = np.full((len(names), len(product_names())), np.nan, np.float32)
        place = {name: at for at, name in enumerate(product_names())}
        product[:, place[_BASE_PRICE]] = base_price
        for row, (name, base) in enumerate(zip(names, base_price.tolist(), strict=True)):
            for column, value in self.products.get(name or "", {}).items():
                if value is not None:
                    is_price = column == "competitor_price"
                    product[row, place[_KNOWN[column]]] = value / base - 1.0 if is_price else value
        return product


def catalogue_values(
    catalogue: pa.Table, elasticities: Mapping[str, Mapping[str, float | None]]
) -> dict[str, dict[str, float | None]]:
    """What a catalogue says of each product, by id, with its elasticity.

    Args:
        catalogue: with the schema of `events.schema.CATALOGUE`.
        elasticities: by product id.
    """
    columns = [name for name in _KNOWN if name in catalogue.column_names]
    found: dict[str, dict[str, float | None]] = {
        name: dict(known) for name, known in elasticities.items()
    }
    for row in catalogue.select(["product_id", *columns]).to_pylist():
        values = {name: None if row[name] is None else float(row[name]) for name in columns}
        found[row["product_id"]] = {**values, **found.get(row["product_id"], {})}
    return found


def _encoded_sessions(columns: Mapping[str, Column], n_rows: int) -> NDArray[np.float32]:
    """Session features as the network reads them, shape (n_rows, n_features)."""
    session = np.empty((n_rows, len(feature_names())), np.float32)
    for position, name in enumerate(feature_names()):
        values = columns[name]
        numbers = (
            _category_codes(values, CATEGORIES[name])
            if name in CATEGORIES
            else np.asarray(values, np.float64)
        )
        session[:, position] = np.where(np.abs(numbers) <= LARGEST, numbers, np.nan)
    return session


def _category_codes(texts: Column, known: Sequence[str]) -> NDArray[np.float64]:
    code = {text: float(position) for position, text in enumerate(known)} | {None: np.nan}
    return np.array([code.get(text, len(known) - 1.0) for text in texts.tolist()], np.float64)
