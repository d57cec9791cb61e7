"""Shop of a soak: a storefront that remembers what the services promised."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from phantom_core.core.limits import GuardRails
from phantom_core.services.traffic.storefront import Price, Storefront

MARK: Final = "soak-"
# Of so many acknowledged events one is sent again, as a client does that lost the answer.
_REPEAT_EVERY: Final = 50
_CENT: Final = 0.01


@dataclass(slots=True)
class Sent:
    """Messages of one topic, each with a number of its own.

    Attributes:
        acknowledged: by number, how often it was acknowledged.
        unanswered: numbers that were not acknowledged; they may be stored all the same.
    """

    acknowledged: dict[int, int] = field(default_factory=dict)
    unanswered: set[int] = field(default_factory=set)

    @property
    def n_acknowledged(self) -> int:
        """Acknowledgements, count."""
        return sum(self.acknowledged.values())


@dataclass(frozen=True, slots=True)
class Answered:
    """A price that was answered.

    Attributes:
        price: currency.
        at_s: monotonic time of the answer.
    """

    price: float
    at_s: float


class SoakShop:
    """Sends what shoppers do, and records each promise of the services.

    Args:
        shop: client of the services.
        guard_rails: that every price must be within.

    Attributes:
        events, quotes: what was sent.
        prices: answered prices by decision.
        n_outside: prices outside the guard rails, count.
        n_no_price: requests without a price, count.
        is_quiet: whether nobody is in the shop; nothing is sent then.
    """

    def __init__(self, shop: Storefront, guard_rails: GuardRails) -> None:
        self._shop, self._guard_rails = shop, guard_rails
        self._numbers = 0
        self.events, self.quotes = Sent(), Sent()
        self.prices: dict[str, Answered] = {}
        self.n_outside = self.n_no_price = 0
        self.is_quiet = False

    async def send(self, event: Mapping[str, object]) -> bool:
        """Send an event; False where it was not acknowledged."""
        if self.is_quiet:
            return False
        number = self._next_number()
        # Its own id makes it one event however often it is sent.
        body = {**event, "experimentId": f"{MARK}{number}", "eventId": f"{MARK}{number}"}
        is_stored = _record(self.events, number, await self._shop.send(body))
        if is_stored and len(self.events.acknowledged) % _REPEAT_EVERY == 0:
            self.events.acknowledged[number] += await self._shop.send(body)
        return is_stored

    async def log_quote(self, quote: Mapping[str, object]) -> bool:
        """Send a quote; False where it was not acknowledged."""
        if self.is_quiet:
            return False
        number = self._next_number()
        body = {**quote, "experimentId": f"{MARK}{number}"}
        return _record(self.quotes, number, await self._shop.log_quote(body))

    async def price(self, store_mode: str, product: str, session_id: str) -> Price | None:
        """Request a price; None without one."""
        if self.is_quiet:
            return None
        found = await self._shop.price(store_mode, product, session_id)
        if found is None:
            self.n_no_price += 1
            return None
        self.prices[found.decision_id] = Answered(found.amount, time.monotonic())
        rails = self._guard_rails
        is_within = (
            rails.lowest_markup * found.base_price - _CENT
            <= found.amount
            <= rails.highest_markup * found.base_price + _CENT
        )
        self.n_outside += not is_within
        return found

    async def close(self) -> None:
        """Close the connections."""
        await self._shop.close()

    def _next_number(self) -> int:
        self._numbers += 1
        return self._numbers


def _record(sent: Sent, number: int, is_acknowledged: bool) -> bool:
    if is_acknowledged:
        sent.acknowledged[number] = 1
    else:
        sent.unanswered.add(number)
    return is_acknowledged
