"""Product: what the pricing service knows about a product."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PricedProduct:
    """One product of the catalogue.

    Attributes:
        product_id: as requests name it.
        base_price: currency, above 0.
        stock: units; None where unknown.
        n_amenities: count; None where unknown.
        is_refundable: None where unknown.
        competitor_price: currency; None where unknown.
    """

    product_id: str
    base_price: float
    stock: float | None = None
    n_amenities: float | None = None
    is_refundable: bool | None = None
    competitor_price: float | None = None

    def features(self, elasticity: float | None) -> Mapping[str, float | None]:
        """Features for the network; those that only a lake can provide, such as demand in the last
        hour, are undefined.
        """
        competitor = self.competitor_price
        return {
            "base_price": self.base_price,
            "inventory_level": self.stock,
            "price_elasticity": elasticity,
            "n_amenities": self.n_amenities,
            "is_refundable": self.is_refundable,
            "competitor_price_diff": None
            if competitor is None
            else competitor / self.base_price - 1.0,
        }
