"""The catalogue: the products of the three shops and their base prices, the same in every run."""

from dataclasses import dataclass
from functools import cache
from math import exp
from statistics import NormalDist

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from phantom_core.events.schema import CATALOGUE, STORE_MODES

# store mode: products, median base price, spread of log prices, prefix of product ids
_SHELVES = {
    "hotel": (60, 140.0, 0.45, "room"),
    "airline": (90, 210.0, 0.55, "flight"),
    "shop": (150, 45.0, 0.80, "item"),
}
# Further product data; no shopper depends on it.
_STOCK = {"hotel": 40, "airline": 60, "shop": 25}
_MOST_AMENITIES = {"hotel": 9, "airline": 4, "shop": 0}
_COMPETITOR_SPREAD = 0.08
_UNWATCHED = 6
_GOLDEN = 0.618033988749895


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Products of all stores, store after store, each store's cheapest first.

    Attributes:
        product_id: ids, one per product.
        base_price: currency, shape (n_products,), rising within a store.
        listing: products at each place of a store's pages, rows of the catalogue, shape
            (n_products,).
        first: a store's first row, shape (n_stores,), in the order of STORE_MODES.
        size: a store's number of products, shape (n_stores,).
    """

    product_id: tuple[str, ...]
    base_price: NDArray[np.float64]
    listing: NDArray[np.int64]
    first: NDArray[np.int64]
    size: NDArray[np.int64]

    def on_price_ladder(
        self, store: NDArray[np.int64], height: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """The product at a height of its store's price ladder.

        Args:
            store: positions in STORE_MODES.
            height: 0 is the cheapest, 1 the dearest; beyond either end the ladder is folded back.
        """
        folded = np.abs((height + 1.0) % 2.0 - 1.0)
        rank = np.minimum(folded * self.size[store], self.size[store] - 1)
        return np.asarray(self.first[store] + rank.astype(np.int64))

    def on_listing(self, store: NDArray[np.int64], place: NDArray[np.int64]) -> NDArray[np.int64]:
        """The product at a place of its store's listing, wrapping around."""
        return np.asarray(self.listing[self.first[store] + place % self.size[store]])


@cache
def demo_catalogue() -> Catalogue:
    """The catalogue of the demo shops: base prices are quantiles of a log-normal, whole numbers."""
    ids: list[str] = []
    prices: list[float] = []
    listing: list[int] = []
    first: list[int] = []
    for mode in STORE_MODES:
        n, median, spread, prefix = _SHELVES[mode]
        first.append(len(ids))
        # A stride without a common factor with n shows every product once, and neighbours in price
        # far apart.
        listing.extend(first[-1] + (place * 37) % n for place in range(n))
        ids.extend(f"{prefix}-{(rank * 53) % n:03d}" for rank in range(n))
        prices.extend(
            round(median * exp(spread * NormalDist().inv_cdf((rank + 0.5) / n)))
            for rank in range(n)
        )
    sizes = [_SHELVES[mode][0] for mode in STORE_MODES]
    return Catalogue(
        tuple(ids), np.array(prices, float), np.array(listing), np.array(first), np.array(sizes)
    )


def product_table() -> pa.Table:
    """The demo catalogue as a shop would export it, with the schema of events.schema.CATALOGUE.

    Competitors' prices lie around the base price, and are unknown for one product in six; only
    rooms and seats have amenities.
    """
    catalogue, rows = demo_catalogue(), []
    modes = [
        mode for mode, n in zip(STORE_MODES, catalogue.size.tolist(), strict=True) for _ in range(n)
    ]
    for place, (product_id, base_price, mode) in enumerate(
        zip(catalogue.product_id, catalogue.base_price.tolist(), modes, strict=True), 1
    ):
        # Multiples of the golden ratio, modulo 1, are spread evenly and follow no other column.
        even = place * _GOLDEN % 1.0
        rows.append(
            {
                "product_id": product_id,
                "base_price": base_price,
                "stock": float(_STOCK[mode] + round(20 * even)),
                "n_amenities": float(round(even * _MOST_AMENITIES[mode]))
                if _MOST_AMENITIES[mode]
                else None,
                "is_refundable": place % 3 != 0,
                "competitor_price": _competitor_price(base_price, even)
                if place % _UNWATCHED
                else None,
            }
        )
    return pa.Table.from_pylist(rows, schema=CATALOGUE)


def _competitor_price(base_price: float, even: float) -> float:
    return float(
        round(
            base_price * exp(_COMPETITOR_SPREAD * NormalDist().inv_cdf(0.5 + 0.99 * (even - 0.5)))
        )
    )
