"""The catalogue in memory: products from the lake, a file or PostgreSQL."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.events.keyed_rows import Named, check_columns, rows_of_postgres, rows_of_source
from phantom_core.events.products import PRODUCT_NAMES, read_products
from phantom_core.events.schema import CATALOGUE
from phantom_core.events.sources import open_source
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.services.pricing.product import PricedProduct

_TABLE: Final = "catalogue"
Products = Mapping[str, PricedProduct]


def read_catalogue(settings: Settings) -> Products:
    """All products that have a base price, by id.

    Args:
        settings: its `catalogue` is empty for the table of the lake, a file, or postgresql://… with
            a table `catalogue`.
    Raises:
        InputError: the file is missing or has other columns.
        UnavailableError: the database does not answer.
    """
    where = settings.pricing.catalogue
    if not where:
        rows = _of_lake(open_lake(settings))
    elif where.startswith(("postgresql://", "postgres://")):
        rows = _checked(rows_of_postgres(where, _TABLE))
    else:
        rows = _of_file(Path(where), settings.loading.max_field_bytes)
    return {product.product_id: product for product in map(_product, rows) if product}


def mark_of(settings: Settings) -> object:
    """A value that changes with the catalogue; None where only reading shows a change."""
    where = settings.pricing.catalogue
    if not where:
        return open_lake(settings).version(_TABLE)
    if "://" in where:
        return None
    try:
        status = Path(where).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _of_lake(lake: Lake) -> Iterable[Mapping[str, object]]:
    with lake.connect((_TABLE,)) as connection:
        found = connection.execute(f"SELECT {', '.join(CATALOGUE.names)} FROM {_TABLE}").fetchall()
    return [dict(zip(CATALOGUE.names, row, strict=True)) for row in found]


def _of_file(path: Path, max_chars: int) -> Iterable[Mapping[str, object]]:
    if not path.is_file():
        raise InputError(
            f"There is no catalogue {path}.",
            hint="Set PHANTOM_CATALOGUE to a file or a database, or load one into the lake.",
        )
    source = open_source(path, max_chars=max_chars)
    check_columns(source, PRODUCT_NAMES)
    return _checked(rows_of_source(source))


def _checked(rows: Iterable[Named]) -> Iterable[Mapping[str, object]]:
    found: Iterable[Mapping[str, object]] = read_products(rows).rows.to_pylist()
    return found


def _product(row: Mapping[str, object]) -> PricedProduct | None:
    """A product with a base price, else None."""
    base_price = row["base_price"]
    if not isinstance(base_price, float) or not 0 < base_price < math.inf:
        return None
    refundable = row["is_refundable"]
    numbers = {
        name: value
        for name in ("stock", "n_amenities", "competitor_price")
        if isinstance(value := row[name], float)
    }
    return PricedProduct(
        str(row["product_id"]),
        base_price,
        is_refundable=refundable if isinstance(refundable, bool) else None,
        **numbers,
    )
