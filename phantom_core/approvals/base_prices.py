"""Base prices: which changes of a catalogue pass within bounds, and which wait for a second person.

A change that no bound allows is held: the product keeps the price that was approved last.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from phantom_core.core.limits import TOLERANCE, PriceLimits

Prices = Mapping[str, float]
HeldReason = Literal["step", "day", "level", "month", "month level", "new", "removed"]
# With fewer changed products the mean says nothing that the bounds of each product do not.
_LEAST_FOR_LEVEL: Final = 10
DAY_MS: Final = 86_400_000
MONTH_MS: Final = 30 * DAY_MS


@dataclass(frozen=True, slots=True)
class HeldPrice:
    """A change of a base price that waits for a second person.

    Attributes:
        product_id: of the product.
        approved: price that stays in force, currency; None for a new product.
        wanted: price of the catalogue that was loaded; None for a product that is removed, or whose
            price is missing or 0.
        why: the bound that does not allow it.
    """

    product_id: str
    approved: float | None
    wanted: float | None
    why: HeldReason

    @property
    def sentence(self) -> str:
        """What changes, and why it waits.

        >>> HeldPrice("room", 48.0, 0.05, "step").sentence
        'room: 48.00 → 0.05, more than a load may change'
        """
        before, after = (
            "none" if price is None else f"{price:,.2f}" for price in (self.approved, self.wanted)
        )
        return f"{self.product_id}: {before} → {after}, {_SAYS[self.why]}"


_SAYS: Final[Mapping[HeldReason, str]] = {
    "step": "more than a load may change",
    "day": "more than may change within a day",
    "level": "all base prices together change more than they may within a day",
    "month": "more than may change within 30 days",
    "month level": "all base prices together change more than they may within 30 days",
    "new": "a new product whose price is far from all others",
    "removed": "the product would no longer have a price",
}


def hold_prices(
    approved: Prices,
    wanted: Prices,
    day_before: Prices,
    limits: PriceLimits,
    month_before: Prices | None = None,
) -> tuple[HeldPrice, ...]:
    """The changes that wait for a second person; all others pass.

    Args:
        approved: base price in force by product, currency.
        wanted: base price by product as loaded, currency, above 0; a product that is missing here
            is removed.
        day_before: price by product that a day's changes are measured from: approved by a second
            person within the last day, else in force a day ago. A missing one counts as approved.
        limits: bounds.
        month_before: the same 30 days ago; None where it is the same as a day ago.
    """
    month_before = day_before if month_before is None else month_before
    held = {
        product: HeldPrice(product, approved.get(product), price, why)
        for product, price in wanted.items()
        if (why := _why_held(product, price, approved, day_before, month_before, limits))
    }
    held |= {
        product: HeldPrice(product, price, None, "removed")
        for product, price in approved.items()
        if product not in wanted
    }
    passing = {
        product: price
        for product, price in wanted.items()
        if product in approved and product not in held
    }
    levels: tuple[tuple[HeldReason, Prices, float], ...] = (
        ("level", day_before, limits.base_price_level),
        ("month level", month_before, limits.base_price_month_level),
    )
    for why, before, bound in levels:
        if _level_change(approved, passing, before) > bound + TOLERANCE:
            held |= {
                product: HeldPrice(product, approved[product], price, why)
                for product, price in passing.items()
                if price != approved[product]
            }
            break
    return tuple(held[product] for product in sorted(held))


def relative_change(before: float, after: float) -> float:
    """How much a price changes, as a share of what it was.

    >>> round(relative_change(50.0, 40.0), 3)
    0.2
    """
    return abs(after / before - 1.0)


def _why_held(
    product: str,
    price: float,
    approved: Prices,
    day_before: Prices,
    month_before: Prices,
    limits: PriceLimits,
) -> HeldReason | None:
    before = approved.get(product)
    if before is None:
        return None if _is_plausible(price, approved, limits) else "new"
    if price == before:
        return None
    if not math.isfinite(price) or price <= 0:
        return "step"
    day = day_before.get(product, before)
    bounds: tuple[tuple[HeldReason, float, float], ...] = (
        ("step", before, limits.base_price_step),
        ("day", day, limits.base_price_day_step),
        ("month", month_before.get(product, day), limits.base_price_month_step),
    )
    passed = (
        why
        for why, reference, bound in bounds
        if relative_change(reference, price) > bound + TOLERANCE
    )
    return next(passed, None)


def _is_plausible(price: float, approved: Prices, limits: PriceLimits) -> bool:
    """Whether a new product's price lies among the others', give or take a step."""
    if not math.isfinite(price) or price <= 0 or not approved:
        return False
    lowest, highest = min(approved.values()), max(approved.values())
    return (
        lowest * (1 - limits.base_price_step) - TOLERANCE
        <= price
        <= highest * (1 + limits.base_price_step) + TOLERANCE
    )


def _level_change(approved: Prices, passing: Prices, day_before: Prices) -> float:
    """Mean relative change of all approved prices since then, were those passing in force."""
    moved = sum(
        passing.get(product, price) != day_before.get(product, price)
        for product, price in approved.items()
    )
    if moved < _LEAST_FOR_LEVEL:
        return 0.0
    changes = [
        relative_change(day_before.get(product, price), passing.get(product, price))
        for product, price in approved.items()
    ]
    return math.fsum(changes) / len(changes)
