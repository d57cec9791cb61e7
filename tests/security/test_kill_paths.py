"""The kill switch is heard whatever Redis, the database and single values of either do."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from phantom_core.core.background import BackgroundThread
from phantom_core.core.kill_file import KillOrder, read_kill_file, write_kill_file
from phantom_core.core.settings import ServiceSettings, Settings
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.publishing.publish import publish_release
from phantom_core.valkey.server import connect_server, stop_embedded
from tests.publishing.samples import KEY, install_key, make_live
from tests.publishing.servers import OwnServer, free_port
from tests.security.pricing_shop import (
    FIRST,
    ROOM,
    health,
    price,
    settings_of,
    shop,
    start_afresh,
)
from tests.services.conftest import wait_until
from tests.services.services import Service

DEEP = "[" * 200_000


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    settings = settings_of(tmp_path_factory.mktemp("kill"))
    install_key(settings)
    connect_server(settings).close()
    yield settings
    stop_embedded(settings)


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    with connect_server(settings) as client:
        start_afresh(settings, client)
        yield client


ODD = {
    "a manifest nested 200,000 deep": lambda r: r.hset(
        MODEL_KINDS.find("classifier").published_as, mapping={"version": "v", "manifest": DEEP}
    ),
    "the pointer nested 200,000 deep": lambda r: r.set("rules:live", DEEP),
    "experiments nested 200,000 deep": lambda r: r.set("experiments:live", DEEP),
    "prices that are bytes": lambda r: r.set("prices:latest", b"\xff\x00" * 600),
    "a model that is text": lambda r: r.set(MODEL_KINDS.find("multitask").published_as, "x"),
    "a statement that is a list": lambda r: r.lpush("phantom:statement", "x"),
    "a field that is no text": lambda r: r.hset(
        MODEL_KINDS.find("classifier").published_as, mapping={b"\xff": b"\xff", "version": b"\xff"}
    ),
}


@pytest.mark.parametrize("odd", ODD)
def test_no_odd_value_deafens_the_service(
    settings: Settings, client: redis.Redis, odd: str
) -> None:
    live = client.get("rules:live")
    with shop(settings) as prices:
        assert price(prices) == 120.0
        ODD[odd](client)
        wait_until(lambda: health(prices)["status"] == "degraded", 5.0)
        client.set("rules:live", live)
        publish_release(client, KEY, make_live(6, "first", is_killed=True), [FIRST])
        wait_until(lambda: price(prices) == ROOM, 5.0)
        assert health(prices)["killed_by"] == ["published version no. 6"]


@pytest.mark.parametrize("odd", ODD)
def test_no_odd_value_keeps_the_service_from_starting(
    settings: Settings, client: redis.Redis, odd: str
) -> None:
    with shop(settings) as prices:
        assert price(prices) == 120.0
    ODD[odd](client)
    with shop(settings) as prices:
        assert price(prices) == 120.0
        assert health(prices)["status"] == "degraded"


@pytest.mark.parametrize("error", [RecursionError, MemoryError, SystemExit, ValueError])
def test_work_in_the_background_goes_on_after_any_error(error: type[BaseException]) -> None:
    begun: list[int] = []

    def work(stop: threading.Event) -> None:
        begun.append(1)
        if len(begun) < 3:
            raise error("odd")
        stop.wait()

    thread = BackgroundThread("odd-work", "pricing", work, late_after_s=0.05)
    thread.start()
    wait_until(lambda: len(begun) == 3, 5.0)
    assert thread.n_restarts == 2
    time.sleep(0.06)
    assert "last succeeded" in thread.check() and "odd" in thread.check()
    thread.succeeded()
    assert thread.check() == ""
    thread.stop()


def test_a_file_kills_and_its_removal_lifts(settings: Settings, client: redis.Redis) -> None:
    with shop(settings) as prices:
        assert price(prices) == 120.0
        settings.paths.kill_file.touch()
        wait_until(lambda: price(prices) == ROOM, 2.0)
        assert health(prices)["killed_by"] == ["kill file"]
        assert prices.get("/api/hotel/price/room").json()["source"] == "kill_switch"
        assert "phantom_killed 1.0" in prices.get("/metrics").text
        settings.paths.kill_file.unlink()
        wait_until(lambda: price(prices) == 120.0, 2.0)
        assert health(prices)["killed_by"] == []


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"[" * 5_000, b'{"who": 1}', b'{"who":"a","why":"b","at_ms":"c"}']
)
def test_a_kill_file_kills_whatever_it_says(settings: Settings, content: bytes) -> None:
    settings.paths.kill_file.write_bytes(content)
    assert read_kill_file(settings) is not None
    settings.paths.kill_file.unlink()


def test_a_kill_file_that_cannot_be_read_kills(tmp_path: Path) -> None:
    (tmp_path / "KILL").mkdir()
    assert read_kill_file(Settings(workspace=tmp_path)) is not None


def test_the_endpoint_kills_and_lifts(settings: Settings, client: redis.Redis) -> None:
    with shop(settings) as prices:
        found = prices.post("/kill", json={"why": "odd prices"}).json()
        assert found["killed_by"] == ["kill file by pricing: odd prices"]
        assert price(prices) == ROOM
    with shop(settings) as prices:  # it stays over a restart
        assert price(prices) == ROOM
        assert prices.delete("/kill").json()["killed_by"] == []
        assert price(prices) == 120.0
        assert prices.post("/kill", json={"why": ""}).status_code == 422
        assert prices.get("/kill").status_code == 405


def test_only_admin_keys_open_the_kill_endpoint(settings: Settings, client: redis.Redis) -> None:
    keyed = settings.model_copy(
        update={"services": ServiceSettings(api_keys=("shop-key",), admin_keys=("boss-key",))}
    )
    with shop(keyed) as prices:

        def kill(key: str) -> httpx.Response:
            return prices.post("/kill", json={"why": "x"}, headers={"X-API-Key": key})

        assert [kill(key).status_code for key in ("", "shop-key", "boss-key")] == [401, 401, 200]
        assert prices.delete("/kill", headers={"X-API-Key": "shop-key"}).status_code == 401
        assert prices.delete("/kill", headers={"X-API-Key": "boss-key"}).status_code == 200
        asked = prices.get("/api/hotel/price/room", headers={"X-API-Key": "boss-key"})
        assert asked.status_code == 401


def test_a_full_disk_does_not_keep_the_file_away(settings: Settings, tmp_path: Path) -> None:
    """The file counts once it exists: its content may be cut off by a limit of its size."""
    pid = os.fork()
    if pid == 0:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        try:
            write_kill_file(Settings(workspace=tmp_path), KillOrder("max", "why", 1))
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert read_kill_file(Settings(workspace=tmp_path)) is not None


def test_a_process_without_redis_hears_the_file(tmp_path: Path) -> None:
    """The real service, the server killed: prices of the last good rules, then none."""
    settings = settings_of(tmp_path)
    install_key(settings)
    with OwnServer(tmp_path / "redis") as server:
        url = server.url()
        with server.client() as client:
            start_afresh(settings, client)
        environment = {
            "PHANTOM_REDIS_URL": url,
            "PHANTOM_CATALOGUE": settings.pricing.catalogue,
            "PHANTOM_DECISION_LOG_SHARE": "0",
        }
        with Service("pricing", tmp_path, environment, "--port", str(free_port())) as service:
            assert price(service.client) == 120.0
            server.kill()
            wait_until(lambda: health(service.client)["status"] == "degraded", 10.0)
            settings.paths.kill_file.touch()
            wait_until(lambda: health(service.client)["killed_by"] == ["kill file"], 5.0)
            answer = service.client.get("/api/hotel/price/room").json()
            assert (answer["price"], answer["source"]) == (ROOM, "kill_switch")
