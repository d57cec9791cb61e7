"""The ledger balances where every promise was kept, and says what is missing where not."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pyarrow as pa
import pytest

from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import Settings
from phantom_core.events.schema import DECISIONS
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.services.soak.ledger import Ledger, read_ledger
from phantom_core.services.soak.shop import Answered, Sent, SoakShop
from phantom_core.services.traffic.storefront import Price, Storefront
from phantom_core.services.worker.worker import Worker
from phantom_core.valkey.server import stop_embedded
from tests.services.worker.traffic import event, put

RAILS = GuardRails(0.7, 1.5)


class Client:
    """A storefront's client whose services take every second message."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, object]] = []

    async def send(self, body: Mapping[str, object]) -> bool:
        self.bodies.append(dict(body))
        return len(self.bodies) % 2 == 1

    async def price(self, store_mode: str, product: str, session_id: str) -> Price | None:
        return {
            "fair": Price(120.0, "", None, 100.0, "a", ""),
            "high": Price(151.0, "", None, 100.0, "b", ""),
        }.get(product)


def shop_of(client: Client) -> SoakShop:
    return SoakShop(cast(Storefront, client), RAILS)


def test_a_shop_records_what_was_acknowledged() -> None:
    client = Client()
    shop = shop_of(client)
    taken = [asyncio.run(shop.send({"sessionId": "s"})) for _ in range(4)]
    assert taken == [True, False, True, False]
    assert (shop.events.acknowledged, shop.events.unanswered) == ({1: 1, 3: 1}, {2, 4})
    assert [body["eventId"] for body in client.bodies] == [f"soak-{n}" for n in (1, 2, 3, 4)]


def test_a_quiet_shop_sends_nothing() -> None:
    client = Client()
    shop = shop_of(client)
    shop.is_quiet = True
    assert not asyncio.run(shop.send({"sessionId": "s"}))
    assert (client.bodies, shop.events) == ([], Sent())


def test_prices_outside_the_guard_rails_count() -> None:
    shop = shop_of(Client())
    for product in ("fair", "high", "unknown"):
        asyncio.run(shop.price("hotel", product, "s"))
    assert (set(shop.prices), shop.n_outside, shop.n_no_price) == ({"a", "b"}, 1, 1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path / "workspace", redis_url="")


@pytest.fixture
def lake(settings: Settings) -> Lake:
    """Events 1 and 2, and event 3 in quarantine; decisions a, b and c."""
    good = [event(experimentId=f"soak-{n}", eventId=f"soak-{n}", second=n) for n in (1, 2, 2)]
    put(settings, *good, event(name="teleport", experimentId="soak-3"))
    try:
        Worker(settings).run(lambda: False, until_empty=True)
    finally:
        stop_embedded(settings)
    found = open_lake(settings)
    found.append("decisions", decisions("a", "b", "c"), {})
    return found


def decisions(*names: str) -> pa.Table:
    empty = {field.name: None for field in DECISIONS}
    filled = {"decided_ms": 1, "store_mode": "hotel", "product_id": "p", "price": 120.0}
    more = {"base_price": 100.0, "source": "rules", "epoch": 1, "log_share": 1.0}
    rows = [
        {**empty, **filled, **more, "event_id": n, "decision_id": name}
        for n, name in enumerate(names)
    ]
    return pa.Table.from_pylist(rows, schema=DECISIONS)


def ledger_of(lake: Lake, *, killed_s: tuple[float, ...] = (), **prices: Answered) -> Ledger:
    shop = shop_of(Client())
    shop.events = Sent({1: 1, 2: 2, 3: 1}, {9})
    shop.prices = prices
    return read_ledger(lake, shop, killed_s)


def test_the_ledger_balances_to_the_event(lake: Lake) -> None:
    kept = ledger_of(lake, a=Answered(120.0, 1.0), b=Answered(120.0, 2.0))
    assert kept.is_balanced
    events = kept.events
    assert (events.acknowledged, events.in_lake, events.repeated) == (4, 2, 1)
    assert (events.quarantined, events.delivered_again, events.unacknowledged) == (1, 1, 1)
    assert (kept.decisions.answered, kept.decisions.unanswered_in_lake) == (2, 1)

    lost = ledger_of(lake, a=Answered(120.0, 1.0), d=Answered(120.0, 5.0))
    assert (lost.decisions.missing, lost.is_balanced) == (1, False)

    killed = ledger_of(lake, killed_s=(5.05,), d=Answered(120.0, 5.0))
    assert (killed.decisions.lost_with_process, killed.decisions.missing) == (1, 0)

    other = ledger_of(lake, a=Answered(121.0, 1.0))
    assert (other.decisions.different, other.is_balanced) == (1, False)
