"""Telemetry: what a request leaves behind, read the way Prometheus and a collector read it."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from fastapi import FastAPI, Response

from phantom_core.core.telemetry import metrics
from phantom_core.core.telemetry.tracing import set_up_tracing
from phantom_core.core.telemetry.web import MetricsRoute, Telemetry, serve_metrics


class Client:
    """Sends requests to an app, as over HTTP."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def get(self, path: str, **params: int) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=self._transport, base_url="http://shop"
            ) as client:
                return await client.get(path, params=params)

        return asyncio.run(ask())


@pytest.fixture
def client() -> Client:
    app = FastAPI()

    @app.get("/price/{product}")
    def price(product: str, status: int = 200) -> Response:
        if product == "broken":
            raise ZeroDivisionError
        return Response(status_code=status)

    app.add_middleware(MetricsRoute)
    app.add_middleware(Telemetry, service="shop")
    return Client(app)


def value(client: Client, line: str) -> float:
    found = [
        row.rsplit(" ", 1)[1]
        for row in client.get("/metrics").text.splitlines()
        if row.startswith(line + " ")
    ]
    return float(found[0]) if found else 0.0


def test_requests_are_counted_by_route_and_not_by_path(client: Client) -> None:
    line = (
        'phantom_http_request_seconds_count{route="/price/{product}",service="shop",status="200"}'
    )
    before = value(client, line)
    client.get("/price/a")
    client.get("/price/b")
    assert value(client, line) - before == 2


def test_an_unknown_address_makes_no_label_of_its_own(client: Client) -> None:
    client.get("/no/such/route")
    assert (
        value(
            client,
            'phantom_http_request_seconds_count{route="unknown",service="shop",status="404"}',
        )
        >= 1
    )


def test_a_crash_counts_as_an_error_and_as_500(client: Client) -> None:
    line = 'phantom_errors_total{kind="ZeroDivisionError",service="shop"}'
    before = value(client, line)
    assert client.get("/price/broken").status_code == 500
    assert value(client, line) - before == 1


def test_turning_away_is_counted(client: Client) -> None:
    before = value(client, 'phantom_turned_away_total{service="shop"}')
    client.get("/price/a", status=429)
    assert value(client, 'phantom_turned_away_total{service="shop"}') - before == 1


def test_a_price_leaves_its_rule_mark_up_and_probability(client: Client) -> None:
    line = 'phantom_prices_total{rule="agents",source="rules",version="bands-1"}'
    before, seen = value(client, line), value(client, "phantom_agent_probability_count")
    metrics.count_price(
        source="rules",
        rule="agents",
        version="bands-1",
        markup_ratio=1.3,
        agent_probability=0.9,
        seconds=0.001,
    )
    metrics.count_price(
        source="rules",
        rule="agents",
        version="bands-1",
        markup_ratio=1.3,
        agent_probability=None,
        seconds=0.001,
    )
    assert value(client, line) - before == 2
    assert (
        value(client, "phantom_agent_probability_count") - seen == 1
    )  # an unknown probability is not 0


def test_refusals_are_counted_by_reason(client: Client) -> None:
    before = value(
        client, 'phantom_refused_total{reason="bad_timestamp",topic="user-interactions"}'
    )
    metrics.count_events("ingest", "user-interactions", accepted=5, refused={"bad_timestamp": 2})
    assert (
        value(client, 'phantom_refused_total{reason="bad_timestamp",topic="user-interactions"}')
        - before
        == 2
    )


def test_only_the_model_in_use_is_named(client: Client) -> None:
    metrics.use_model("classifier", "one")
    metrics.use_model("classifier", "two")
    text = client.get("/metrics").text
    assert 'phantom_model_loaded{kind="classifier",version="two"} 1.0' in text
    assert 'version="one"' not in text


def test_a_process_without_http_can_be_read_too() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stop = serve_metrics("127.0.0.1", port)
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    stop()
    assert "phantom_http_request_seconds" in text
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/metrics")


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """An OTLP collector that stores what it receives."""
    got: list[tuple[str, bytes]] = []

    class Collect(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collect)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()
    server.server_close()
    thread.join()


def test_spans_reach_a_collector_only_where_one_is_named(
    collector: tuple[str, list[tuple[str, bytes]]], monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    address, got = collector
    set_up_tracing("shop", {})()
    client.get("/price/a")
    assert not got
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    stop = set_up_tracing("shop", {"OTEL_EXPORTER_OTLP_ENDPOINT": address})
    client.get("/price/a")
    stop()
    assert [path for path, _ in got] == ["/v1/traces"]
    assert b"GET /price/{product}" in got[0][1] and b"phantom-shop" in got[0][1]
