"""The catalogue in memory: the approved version, and what its source changed within bounds."""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import pyarrow as pa

from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.approvals.base_prices import HeldPrice, hold_prices
from phantom_core.approvals.catalogue_store import (
    CatalogueHead,
    CatalogueStore,
    base_prices,
    priced_products,
)
from phantom_core.approvals.limits import read_price_limits, seed_price_limits
from phantom_core.core.errors import DataError, PhantomError, UnavailableError
from phantom_core.core.limits import PriceLimits
from phantom_core.core.settings import Settings
from phantom_core.services.pricing.product import PricedProduct
from phantom_core.signing.keys import public_keys
from phantom_core.use_cases.data.catalogue import approved_jumps, submit_catalogue, within_bounds
from phantom_core.use_cases.data.catalogue_source import is_lake_source, read_source, source_mark

Products = Mapping[str, PricedProduct]
_EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class ServedCatalogue:
    """Products as they are priced.

    Attributes:
        products: by id; each has a base price.
        head: of the approved version; None where nothing was ever loaded.
        approved: base price by product in that version, currency.
        held: changes of the source that wait for a second person, count.
        problem: why the source is not followed, one sentence; empty where it is.
    """

    products: Products = field(default_factory=dict)
    head: CatalogueHead | None = None
    approved: Mapping[str, float] = field(default_factory=dict)
    held: int = 0
    problem: str = ""


def read_catalogue(settings: Settings, served: ServedCatalogue | None = None) -> ServedCatalogue:
    """The approved catalogue; a file or database as source may move prices within the bounds.

    Args:
        settings: workspace, source, keys, bounds.
        served: what is served now, from which no price may jump without approval; None at start.
    Raises:
        DataError: the approved version is not signed, was changed, is an earlier one, or jumps.
        InputError: nothing was approved yet, and the source has other columns or is missing.
        UnavailableError: nothing was approved yet, and the source's database does not answer.
    """
    with acting_as(Internal.WORKER, settings):
        return _read(settings, served)


def _read(settings: Settings, served: ServedCatalogue | None) -> ServedCatalogue:
    store = CatalogueStore(settings.paths.approved_catalogue)
    signed = store.read_head()
    if signed is None:
        submit_catalogue(settings, now_ms=time.time_ns() // 1_000_000)
        signed = store.read_head()
    if signed is None:
        return ServedCatalogue()
    if not signed.is_signed(public_keys(settings)):
        raise DataError(
            f"Version {signed.head.number} of the catalogue is not signed by this installation.",
            hint="Run: python -m phantom_core catalogue submit",
        )
    products = store.read(signed.head.sha256)
    approved = base_prices(products)
    _check_step(settings, served, signed.head, approved)
    if is_lake_source(settings):
        return ServedCatalogue(_priced(products), signed.head, approved, signed.head.held)
    try:
        wanted = priced_products(read_source(settings))
    except PhantomError as error:
        if served is not None and served.head == signed.head:
            return replace(served, problem=str(error))
        return ServedCatalogue(
            _priced(products), signed.head, approved, signed.head.held, str(error)
        )
    held = hold_prices(approved, base_prices(wanted), approved, _limits(settings))
    return ServedCatalogue(
        _priced(within_bounds(products, wanted, held)),
        signed.head,
        approved,
        len(held),
        _held_sentence(held),
    )


def mark_of(settings: Settings) -> object:
    """A value that changes with the catalogue; a database shows a change only when it is read."""
    head = CatalogueStore(settings.paths.approved_catalogue).head_mark()
    with acting_as(Internal.WORKER, settings):
        if is_lake_source(settings):
            return head, None if head else source_mark(settings)
        return head, source_mark(settings)


def _check_step(
    settings: Settings,
    served: ServedCatalogue | None,
    head: CatalogueHead,
    approved: Mapping[str, float],
) -> None:
    """Refuse an earlier version, and prices that jump without an approved change."""
    if served is None or served.head is None or head == served.head:
        return
    if head.number <= served.head.number:
        raise DataError(
            f"The catalogue went back from version {served.head.number} to {head.number}; version "
            f"{served.head.number} stays in use.",
            hint="Load the earlier prices again, as any change of the catalogue.",
        )
    limits = _limits(settings)
    jumps = [
        one
        for one in hold_prices(served.approved, approved, served.approved, limits)
        if one.why in ("step", "removed") and not _is_small(one, limits.base_price_day_step)
    ]
    if jumps:
        allowed = approved_jumps(settings, after=served.head.number)
        jumps = [one for one in jumps if (one.product_id, one.wanted) not in allowed]
    if jumps:
        raise DataError(
            f"Version {head.number} of the catalogue changes {len(jumps):,} base prices beyond "
            f"the bounds without approval ({jumps[0].sentence}); version {served.head.number} "
            "stays in use.",
            hint="Compare the audit chain with the page Data, tab Catalogue.",
        )


def _is_small(one: HeldPrice, bound: float) -> bool:
    """Whether several loads within bounds may explain a change."""
    return (
        one.approved is not None
        and one.wanted is not None
        and abs(one.wanted / one.approved - 1.0) <= bound
    )


def _limits(settings: Settings) -> PriceLimits:
    try:
        return read_price_limits(settings)
    except UnavailableError:
        return seed_price_limits(settings)


def _held_sentence(held: tuple[HeldPrice, ...]) -> str:
    if not held:
        return ""
    shown = "; ".join(one.sentence for one in held[:_EXAMPLES])
    more = f" and {len(held) - _EXAMPLES:,} more" if len(held) > _EXAMPLES else ""
    return (
        f"{len(held):,} changes of the catalogue wait for approval, and the approved prices are "
        f"served: {shown}{more}."
    )


def _priced(products: pa.Table) -> Products:
    rows: Iterable[Mapping[str, object]] = products.to_pylist()
    return {product.product_id: product for product in map(_product, rows) if product}


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
