"""Shoppers act at the pace of their kind, see what they are quoted, and buy by it."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from urllib.parse import parse_qs, urlsplit

import pytest

from phantom_core.services.traffic import storefront
from phantom_core.services.traffic.scripts import base_prices, session_scripts
from phantom_core.services.traffic.storefront import Price, Storefront
from phantom_core.services.traffic.traffic import Tally, traffic

pytestmark = pytest.mark.slow


@dataclass
class Shop:
    """Both services in one, with a price over base price for every session."""

    address: str = ""
    markup: float = 1.0
    busy: int = 0
    events: list[dict[str, object]] = field(default_factory=list)
    quotes: list[dict[str, object]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def shop() -> Iterator[Shop]:
    state, base, lock = Shop(), base_prices(), threading.Lock()

    class Handle(BaseHTTPRequestHandler):
        protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                if state.busy:
                    state.busy -= 1
                    self._answer(429, {"error": "busy"}, {"Retry-After": "0"})
                    return
                (state.quotes if self.path.endswith("price-log") else state.events).append(body)
            self._answer(200, {"success": True})

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            product = address.path.rsplit("/", 1)[1]
            with lock:
                state.asked.append((parse_qs(address.query)["sessionId"][0], product))
            self._answer(
                200,
                {
                    "price": round(base[product] * state.markup, 2),
                    "rule_id": "all",
                    "agent_probability": 0.5,
                    "base_price": base[product],
                    "decision_id": "d-1",
                },
            )

        def _answer(
            self, status: int, body: dict[str, object], headers: dict[str, str] | None = None
        ) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(content))} | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size, daemon_threads = 256, True

    server = Server(("127.0.0.1", 0), Handle)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def play(ingest: str, pricing: str, shoppers: int, seed: int = 5) -> Tally:
    async def run() -> Tally:
        client = Storefront(ingest, pricing)
        try:
            return await traffic(
                client,
                per_minute=600,
                seed=seed,
                is_over=lambda: False,
                report=lambda tally: None,
                most=shoppers,
                speed=20_000,
            )
        finally:
            await client.close()

    return asyncio.run(run())


def test_scripts_hold_humans_and_agents_and_the_way_to_a_purchase() -> None:
    some = list(islice(session_scripts(1), 300))
    assert 0.4 < sum(script.family.is_agent for script in some) / 300 < 0.6
    assert len({script.session_id for script in some}) == 300
    for script in some:
        waits = [line.after_ms for line in script.lines]
        assert waits[0] == 0 and waits == sorted(waits)
        assert bool(script.wanted) == script.lines[-1].is_purchase
        assert all(line.product in base_prices() for line in script.lines if line.shows_price)


def test_every_price_shown_is_the_one_quoted_and_is_asked_for_once_a_session(shop: Shop) -> None:
    shop.markup = 1.25
    tally = play(shop.address, shop.address, 20)
    base = base_prices()
    assert len(shop.asked) == len(set(shop.asked)) == len(shop.quotes) > 20
    shown = [event for event in shop.events if "price" in event["metadata"]]
    assert shown and all(
        event["metadata"]["price"] == round(base[event["productId"]] * 1.25, 2) for event in shown
    )
    assert all(quote["base_price"] == base[quote["productId"]] for quote in shop.quotes)
    assert tally.human.sessions + tally.agent.sessions == 20
    assert tally.by_rule == {"all": len(shop.asked)}
    assert tally.human.mean_ratio == pytest.approx(1.25, abs=0.01)
    assert (tally.sent, tally.not_taken, tally.no_answer) == (
        len(shop.events) + len(shop.quotes),
        0,
        0,
    )
    bought = [
        event for event in shop.events if event["eventName"] in ("purchase_complete", "purchase")
    ]
    assert len(bought) == tally.human.purchases + tally.agent.purchases


class OnePrice(Storefront):
    """A shop that asks every session the same share of the base price, and gets no events."""

    def __init__(self, markup: float) -> None:
        super().__init__("", "")
        self.markup = markup

    async def price(self, store_mode: str, product: str, session_id: str) -> Price:
        base = base_prices()[product]
        return Price(base * self.markup, "", None, base, "", "")


def bought_at(markup: float) -> Tally:
    async def run() -> Tally:
        client = OnePrice(markup)
        try:
            return await traffic(
                client,
                per_minute=600,
                seed=5,
                is_over=lambda: False,
                report=lambda tally: None,
                most=300,
                speed=20_000,
            )
        finally:
            await client.close()

    return asyncio.run(run())


def test_dearer_prices_are_bought_less_most_of_all_by_agents() -> None:
    cheap, dear = bought_at(0.6), bought_at(1.6)
    assert dear.human.purchases < cheap.human.purchases
    assert (
        dear.agent.purchases / cheap.agent.purchases < dear.human.purchases / cheap.human.purchases
    )


def test_a_busy_service_is_asked_again_and_loses_nothing(shop: Shop) -> None:
    shop.busy = 6
    tally = play(shop.address, shop.address, 5)
    assert tally.not_taken == 0
    assert tally.sent == len(shop.events) + len(shop.quotes)


def test_without_services_shoppers_see_the_base_price_and_go_on() -> None:
    tally = play("http://127.0.0.1:9", "http://127.0.0.1:9", 5)
    assert tally.sent == 0 and tally.not_taken > 0
    assert tally.no_answer == tally.human.prices + tally.agent.prices
    assert {side.mean_ratio for side in (tally.human, tally.agent)} <= {1.0, None}


def test_whoever_is_inside_when_it_is_over_goes_home(shop: Shop) -> None:
    heard: list[str] = []

    async def run() -> Tally:
        client = Storefront(shop.address, shop.address)
        started = asyncio.get_running_loop().time()
        try:
            return await traffic(
                client,
                per_minute=600,
                seed=1,
                is_over=lambda: asyncio.get_running_loop().time() - started > 1.5,
                report=lambda tally: heard.append(tally.line()),
            )
        finally:
            await client.close()

    tally = asyncio.run(run())
    assert tally.human.sessions + tally.agent.sessions > 3
    assert "agents saw" in tally.line()


def test_shoppers_come_back_after_a_stall_and_wait_in_no_queue(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storefront, "TIMEOUT_S", 0.3)

    async def stalled_then_well() -> tuple[list[bool], bool]:
        over = asyncio.Event()

        async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await over.wait()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Storefront(f"http://127.0.0.1:{port}", "")
        started_s = asyncio.get_running_loop().time()
        found = await asyncio.gather(*(client.send({"n": n}) for n in range(2_000)))
        assert asyncio.get_running_loop().time() - started_s < 5
        client._ingest = shop.address
        is_sent = await client.send({"n": 0})
        await client.close()
        over.set()
        server.close()
        await asyncio.sleep(0.1)  # for the handlers to end
        return found, is_sent

    found, is_sent = asyncio.run(stalled_then_well())
    assert (any(found), is_sent) == (False, True)
