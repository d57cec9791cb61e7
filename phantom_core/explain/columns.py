"""Columns: what models read, session features and what is offered alike, with family and unit."""

from dataclasses import dataclass
from typing import Final

from phantom_core.features.catalogue import FAMILIES, FEATURES
from phantom_core.features.offers.product_features import PRODUCT_FEATURES

PRICE: Final = "price_ratio"
OFFER: Final = "offer"
PRICE_FAMILY: Final = "price"
COLUMN_FAMILIES: Final = (*FAMILIES, OFFER, PRICE_FAMILY)


@dataclass(frozen=True, slots=True)
class Column:
    """Something that a model reads.

    Attributes:
        name: of the column.
        family: one of COLUMN_FAMILIES.
        unit: as in the catalogue of features.
        meaning: one phrase.
    """

    name: str
    family: str
    unit: str
    meaning: str


BY_NAME: Final = {
    column.name: column
    for column in (
        *(
            Column(feature.name, feature.family, feature.unit, feature.meaning)
            for feature in FEATURES
        ),
        *(
            Column(feature.name, OFFER, feature.unit, feature.meaning)
            for feature in PRODUCT_FEATURES
        ),
        Column(PRICE, PRICE_FAMILY, "ratio", "price over base price"),
    )
}
