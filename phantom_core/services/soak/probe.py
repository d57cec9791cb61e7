"""Probe: a visitor who looks every second whether the services see, price and store."""

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

import redis

from phantom_core.core.errors import PhantomError
from phantom_core.publishing.session_features import read_event_counts
from phantom_core.services.soak.shop import SoakShop
from phantom_core.services.traffic.scripts import base_prices

_EVERY_S: Final = 1.0
# Features follow an event within half a second; later than this they are late.
_LATE_S: Final = 2.0
# A visitor of the next so many seconds is another one.
_VISIT_S: Final = 300.0
NO_FAULT: Final = "before the first fault"


@dataclass(slots=True)
class Blind:
    """Seconds in which something did not work.

    Attributes:
        looked_s: in all.
        no_events: ingest acknowledged nothing.
        no_prices: pricing did not answer.
        no_features: an acknowledged event was not in the session's features after two seconds.
        base_prices: prices fell back to the base price.
    """

    looked_s: float = 0.0
    no_events: float = 0.0
    no_prices: float = 0.0
    no_features: float = 0.0
    base_prices: float = 0.0

    def add(self, other: "Blind") -> None:
        """Add other seconds."""
        self.looked_s += other.looked_s
        self.no_events += other.no_events
        self.no_prices += other.no_prices
        self.no_features += other.no_features
        self.base_prices += other.base_prices

    @property
    def is_well(self) -> bool:
        """Whether everything worked."""
        return not (self.no_events or self.no_prices or self.no_features or self.base_prices)


@dataclass(slots=True)
class _Visit:
    """One visitor: when each of its events was acknowledged, monotonic time."""

    session_id: str
    began_s: float
    acknowledged_s: list[float] = field(default_factory=list)


class Probe:
    """Looks every second.

    Args:
        shop: to send and ask with.
        server: client of Redis, where features are.

    Attributes:
        by_fault: seconds by the newest fault.
        fault: the newest fault.
        ill_s: monotonic time of the last look at which something did not work; 0 before.
    """

    def __init__(self, shop: SoakShop, server: redis.Redis) -> None:
        self._shop, self._server = shop, server
        self._product = next(iter(base_prices()))
        self._n_visits = 0
        self._visit = self._new_visit()
        self.by_fault: defaultdict[str, Blind] = defaultdict(Blind)
        self.fault = NO_FAULT
        self.ill_s = 0.0

    async def run(self) -> None:
        """Look until cancelled."""
        before_s = time.monotonic()
        while True:
            await asyncio.sleep(max(0.0, before_s + _EVERY_S - time.monotonic()))
            now_s = time.monotonic()
            if self._shop.is_quiet:
                before_s = now_s
                self._visit = self._new_visit()
                continue
            found = await self._look(now_s - before_s)
            self.by_fault[self.fault].add(found)
            self.ill_s = self.ill_s if found.is_well else time.monotonic()
            before_s = now_s

    async def _look(self, seconds: float) -> Blind:
        """What works now; each failure counts for the time since the last look."""
        if time.monotonic() - self._visit.began_s > _VISIT_S:
            self._visit = self._new_visit()
        visit, now_s = self._visit, time.monotonic()
        n_due = sum(at_s < now_s - _LATE_S for at_s in visit.acknowledged_s)
        price = self._shop.price("hotel", self._product, visit.session_id)
        event = {
            "sessionId": visit.session_id,
            "eventName": "view_item_page",
            "productId": self._product,
            "storeMode": "hotel",
        }
        n_known, answer, is_stored = await asyncio.gather(
            asyncio.to_thread(self._n_known, visit.session_id), price, self._shop.send(event)
        )
        if is_stored:
            visit.acknowledged_s.append(time.monotonic())
        is_base = answer is not None and bool(answer.reason) and n_due > 0
        return Blind(
            looked_s=seconds,
            no_events=0.0 if is_stored else seconds,
            no_prices=seconds if answer is None else 0.0,
            no_features=seconds if n_known < n_due else 0.0,
            base_prices=seconds if is_base else 0.0,
        )

    def _n_known(self, session_id: str) -> int:
        try:
            return read_event_counts(self._server, [session_id])[0]
        except PhantomError:
            return 0

    def _new_visit(self) -> _Visit:
        self._n_visits += 1
        return _Visit(f"probe-{time.time_ns()}-{self._n_visits}", time.monotonic())
