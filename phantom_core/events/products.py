"""Products: the shop's catalogue, with the base price and the stock of each product."""

import math
from collections.abc import Iterable
from typing import Final

from phantom_core.events.keyed_rows import (
    NO,
    YES,
    Converted,
    KeyedRows,
    Named,
    Names,
    Row,
    collect_keyed_rows,
)
from phantom_core.events.schema import CATALOGUE

PRODUCT_NAMES: Final[Names] = {
    "product_id": ("product_id", "productId", "id", "sku"),
    "base_price": ("base_price", "basePrice", "price"),
    "stock": ("stock", "inventory_level", "inventoryLevel", "inventory"),
    "n_amenities": ("n_amenities", "nAmenities"),
    "is_refundable": ("is_refundable", "isRefundable", "refundable"),
    "competitor_price": ("competitor_price", "competitorPrice"),
}
_NUMBERS: Final = ("base_price", "stock", "n_amenities", "competitor_price")


def read_products(rows: Iterable[Named]) -> KeyedRows:
    """The catalogue from named text values."""
    return collect_keyed_rows(rows, PRODUCT_NAMES, CATALOGUE, _product)


def _product(row: Row) -> Converted | tuple[str, str]:
    if row["product_id"] is None:
        return "missing_product_id", ""
    numbers = {name: _number(row[name]) for name in _NUMBERS}
    wrong = next(
        (name for name in _NUMBERS if row[name] is not None and not _is_amount(numbers[name])), None
    )
    if wrong:
        return "bad_number", f"{wrong} {row[wrong]}"
    refundable = (row["is_refundable"] or "").lower()
    if refundable not in YES | NO | {""}:
        return "bad_refundable", refundable
    return {**row, **numbers, "is_refundable": refundable in YES if refundable else None}


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return math.nan


def _is_amount(number: float | None) -> bool:
    return number is not None and math.isfinite(number) and number >= 0
