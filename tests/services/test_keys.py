"""Each key opens what it is for, whether the settings hold it or its hash."""

import hashlib
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from phantom_core.core.errors import InputError
from phantom_core.core.settings import ServiceSettings, Settings
from phantom_core.services.web.keys import Keys
from phantom_core.services.web.service import add_guards
from tests.services.services import served

EVENTS, PRICES, DUMP, PRODUCTS = (
    "/api/ingest",
    "/api/hotel/price/room",
    "/api/kafka/dump",
    "/api/products/type/hotel",
)
AWAY = {"X-Forwarded-For": "192.0.2.1"}  # from another machine


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    hashed = f"sha256:{hashlib.sha256(b'next').hexdigest()}"
    services = ServiceSettings(
        api_keys=("operator",),
        event_keys=("events", hashed),
        price_keys=("prices",),
        open_routes=("/api/products",),
    )
    app = FastAPI()
    add_guards(app, Settings(services=services), "keys")
    for path in (EVENTS, PRICES, DUMP, PRODUCTS, "/kill", "/api/productsx"):
        app.get(path)(lambda: "open")
    with served(app) as client:
        yield client


@pytest.mark.parametrize(
    ("key", "opens"),
    [
        ("operator", {EVENTS, PRICES, DUMP}),
        ("events", {EVENTS}),
        ("next", {EVENTS}),
        ("prices", {PRICES}),
        ("", set()),
        ("other", set()),
    ],
)
def test_a_key_opens_what_it_is_for(client: httpx.Client, key: str, opens: set[str]) -> None:
    found = {
        path
        for path in (EVENTS, PRICES, DUMP, "/api/productsx", "/kill")
        if client.get(path, headers=AWAY | {"X-API-Key": key}).status_code == 200
    }
    assert found - {"/api/productsx"} == opens
    assert ("/api/productsx" in found) == (key == "operator")


def test_an_open_route_needs_no_key(client: httpx.Client) -> None:
    assert client.get(PRODUCTS, headers=AWAY).status_code == 200


def test_the_hash_itself_opens_nothing(client: httpx.Client) -> None:
    hashed = f"sha256:{hashlib.sha256(b'next').hexdigest()}"
    assert client.get(EVENTS, headers=AWAY | {"X-API-Key": hashed}).status_code == 401


def test_a_hash_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="no SHA-256 follows"):
        Keys(ServiceSettings(api_keys=("sha256:abc",)))


def test_no_setting_opens_the_kill_switch() -> None:
    assert not Keys(ServiceSettings(open_routes=("/kill", "/"))).is_open("/kill")
