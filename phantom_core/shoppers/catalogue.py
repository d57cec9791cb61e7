"""The catalogue: the products of the three shops and their base prices, the same in every run."""

from dataclasses import dataclass
from functools import cache
from math import exp
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from phantom_core.events.schema import STORE_MODES

# store mode: products, median base price, spread of log prices, prefix of product ids
_SHELVES = {
    "hotel": (60, 140.0, 0.45, "room"),
    "airline": (90, 210.0, 0.55, "flight"),
    "shop": (150, 45.0, 0.80, "item"),
}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Products of all stores, store after store, each store's cheapest first.

    Attributes:
        product_id: ids, one per product.
        base_price: currency, shape (n_products,), rising within a store.
        listing: what a store shows at each place of its pages, rows of the catalogue, shape (n_products,).
        first: a store's first row, shape (n_stores,), in the order of STORE_MODES.
        size: a store's number of products, shape (n_stores,).
    """

    product_id: tuple[str, ...]
    base_price: NDArray[np.float64]
    listing: NDArray[np.int64]
    first: NDArray[np.int64]
    size: NDArray[np.int64]

    def on_price_ladder(self, store: NDArray[np.int64], height: NDArray[np.float64]) -> NDArray[np.int64]:
        """The product at a height of its store's price ladder.

        Args:
            store: positions in STORE_MODES.
            height: 0 is the cheapest, 1 the dearest; beyond either end the ladder is folded back.
        """
        folded = np.abs((height + 1.0) % 2.0 - 1.0)
        rank = np.minimum(folded * self.size[store], self.size[store] - 1)
        return np.asarray(self.first[store] + rank.astype(np.int64))

    def on_listing(self, store: NDArray[np.int64], place: NDArray[np.int64]) -> NDArray[np.int64]:
        """The product at a place of its store's listing, counted round and round."""
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
        # A stride without a common factor with n shows every product once, and neighbours in price far apart.
        listing.extend(first[-1] + (place * 37) % n for place in range(n))
        ids.extend(f"{prefix}-{(rank * 53) % n:03d}" for rank in range(n))
        prices.extend(round(median * exp(spread * NormalDist().inv_cdf((rank + 0.5) / n))) for rank in range(n))
    sizes = [_SHELVES[mode][0] for mode in STORE_MODES]
    return Catalogue(tuple(ids), np.array(prices, float), np.array(listing), np.array(first), np.array(sizes))
