"""Product features: what is known of a product when its price is quoted."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ProductFeature:
    """One of the ten columns.

    Attributes:
        name: of the column.
        unit: in words.
        null_when: when the value is undefined.
        meaning: one phrase.
    """

    name: str
    unit: str
    null_when: str
    meaning: str


PRODUCT_FEATURES: Final = (
    ProductFeature("base_price", "currency", "not recorded", "of the quote, else of the catalogue"),
    ProductFeature(
        "current_demand",
        "sessions",
        "no product",
        "sessions that first viewed the product in the hour before",
    ),
    ProductFeature(
        "inventory_level",
        "units",
        "no stock in the catalogue",
        "stock of the catalogue minus units sold before, at least 0",
    ),
    ProductFeature(
        "avg_demand_last_hour",
        "sessions",
        "no product was shown in the store",
        "current_demand, mean over the store's products",
    ),
    ProductFeature(
        "price_elasticity",
        "ratio",
        "fewer than 10 purchases, or one price",
        "of purchases to price, from all days before",
    ),
    ProductFeature("n_amenities", "count", "not in the catalogue", "of the catalogue"),
    ProductFeature("is_refundable", "yes/no", "not in the catalogue", "of the catalogue"),
    ProductFeature(
        "days_until_date",
        "days",
        "the session named no date",
        "from the quote to the stay or flight last searched for",
    ),
    ProductFeature(
        "competitor_price_diff",
        "share",
        "not in the catalogue",
        "competitor's price over base price, minus 1",
    ),
    ProductFeature(
        "view_count_last_hour",
        "count",
        "no product",
        "item views of the product in the hour before, over all sessions",
    ),
)


def product_names() -> tuple[str, ...]:
    """Names of the ten features, in order."""
    return tuple(feature.name for feature in PRODUCT_FEATURES)
