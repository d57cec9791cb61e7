"""A shop to price: an embedded server, a catalogue of two products, and the API in a thread of its
own.
"""

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
import pytest
import redis
import uvicorn

from phantom_core.core.settings import PricingSettings, Settings
from phantom_core.services.pricing.app import pricing_app
from phantom_core.valkey.server import connect_server, stop_embedded
from tests.publishing.samples import install_key

Serve = Callable[[Settings], AbstractContextManager[httpx.Client]]
ROOM, SUITE = 100.0, 300.5


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a workspace whose embedded server runs."""
    workspace = tmp_path_factory.mktemp("shop")
    catalogue = workspace / "catalogue.json"
    catalogue.write_text(
        json.dumps(
            [
                {"product_id": "room", "base_price": ROOM, "stock": 3},
                {"product_id": "suite", "base_price": SUITE},
            ]
        )
    )
    settings = Settings(
        workspace=workspace, redis_url="", pricing=PricingSettings(catalogue=str(catalogue))
    )
    install_key(settings)
    connect_server(settings).close()
    yield settings
    stop_embedded(settings)


@pytest.fixture
def client(shared: Settings) -> Iterator[redis.Redis]:
    """A client of the empty server, of which nothing was ever followed."""
    shutil.rmtree(shared.paths.followed, ignore_errors=True)
    client = connect_server(shared)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def settings(shared: Settings, client: redis.Redis) -> Settings:
    """Settings of the shop, with nothing published."""
    return shared


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Run the API on a free port; gives a client of it."""
    return served


@contextmanager
def served(settings: Settings) -> Iterator[httpx.Client]:
    """The API, until the block ends."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(pricing_app(settings), log_level="warning", access_log=False)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        wait_until(lambda: server.started or not thread.is_alive(), 60.0)
        try:
            with httpx.Client(
                base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=10
            ) as shop:
                yield shop
        finally:
            server.should_exit = True
            thread.join()


def wait_until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that happens in another thread or process."""
    deadline_s = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline_s, "It did not happen in time."
        time.sleep(0.01)


def free_port() -> int:
    """A port on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
