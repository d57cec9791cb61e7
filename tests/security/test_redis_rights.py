"""Each part works with its own user of the ACL file, and can do nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from phantom_core.core.settings import Settings
from phantom_core.publishing.divergence import compare_documents, restore_documents
from phantom_core.publishing.experiments import LiveExperiments, publish_experiments
from phantom_core.publishing.figures import Figures, publish_elasticities, publish_prices
from phantom_core.publishing.latest import read_latest
from phantom_core.publishing.models import publish_model, read_model
from phantom_core.publishing.publish import publish_release, read_published
from phantom_core.publishing.session_features import read_features, write_features
from phantom_core.publishing.session_prices import write_session_prices
from phantom_core.publishing.statement import Statement, publish_statement
from phantom_core.valkey.server import connect_server
from tests.publishing.samples import (
    FIRST,
    KEY,
    KEYS,
    LIVE_FIRST,
    LIVE_SECOND,
    SECOND,
    SavedModel,
    install_key,
)
from tests.publishing.servers import BINARIES, OwnServer
from tests.security.pricing_shop import health, price, settings_of, shop
from tests.services.conftest import wait_until
from tests.services.samples import BOT, session

USERS = Path(__file__).parents[2] / "deploy" / "redis" / "users.acl"


@pytest.fixture(scope="module", params=[kind for kind, binary in BINARIES.items() if binary])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OwnServer]:
    folder = tmp_path_factory.mktemp(request.param)
    with OwnServer(folder, request.param, aclfile=str(USERS)) as server:
        yield server


def client_of(server: OwnServer, user: str) -> redis.Redis:
    return server.client(f"{user}:change-me-{user}@")


def test_nobody_comes_in_without_a_user(server: OwnServer) -> None:
    with pytest.raises(redis.AuthenticationError), redis.Redis(port=server.port) as client:
        client.get("rules:live")


def test_the_publisher_publishes_everything_and_heals(server: OwnServer) -> None:
    with client_of(server, "publisher") as client:
        publish_release(client, KEY, LIVE_FIRST, [FIRST])
        publish_release(client, KEY, LIVE_SECOND, [FIRST, SECOND])
        restore_documents(client, KEY, LIVE_SECOND, [FIRST, SECOND])
        assert compare_documents(client, KEYS, LIVE_SECOND, [FIRST, SECOND]) == ()
        publish_model(client, KEY, "multitask", SavedModel("net-1"), now_ms=1)
        publish_prices(client, KEY, Figures("p-1", 1, {"room": 1.0}))
        publish_elasticities(client, KEY, Figures("e-1", 1, {"room": -1.0}))
        publish_experiments(client, KEY, LiveExperiments(1, ()))
        publish_statement(client, KEY, Statement(1, {}))
        write_session_prices(client, KEY, "s1", {"room": 1.0}, now_ms=1)
        assert list(client.scan_iter("rules:*"))
        assert read_model(client, KEYS, "multitask")
        assert len(read_latest(client)) == 7
        for command in ("FLUSHALL", "CONFIG GET *", "ACL LIST", "SHUTDOWN", "KEYS *", "SET x 1"):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*command.split())


def test_the_pricing_service_prices_with_rights_to_read_alone(
    server: OwnServer, tmp_path: Path
) -> None:
    with client_of(server, "publisher") as publisher:
        live = LIVE_SECOND
        publish_release(publisher, KEY, live, [FIRST, SECOND])
    with client_of(server, "worker") as worker:
        write_features(worker, [session("bot", BOT)])
    url = server.url("pricing:change-me-pricing@")
    settings = settings_of(tmp_path).model_copy(update={"redis_url": url})
    install_key(settings)
    with shop(settings) as prices:
        wait_until(lambda: prices.get("/models").json()["epoch"] == live.epoch)
        assert price(prices) >= 100.0
        assert health(prices)["redis"] is True
    with connect_server(Settings(redis_url=url)) as client:
        assert read_published(client, KEYS)
        for command in (
            "SET rules:live x",
            "DEL rules:live",
            "HSET classifier:agent_detector:latest version x",
            "SET session_features:bot x",
            "HSET session:bot:prices room 1",
            "EXPIRE rules:live 1",
            "PUBLISH phantom:announcements x",
            "EVAL return'1' 0",
            "GET other",
            "FLUSHDB",
            "KEYS *",
            "SCAN 0",
        ):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*command.split())


def test_the_worker_writes_features_and_nothing_that_prices_follow(server: OwnServer) -> None:
    with client_of(server, "worker") as client:
        write_features(client, [session("s9", BOT)])
        assert read_features(client, "s9")
        for command in (
            "SET rules:live x",
            "SET rules:evil x",
            "HSET session:s9:prices room 1",
            "SET prices:latest x",
            "GET rules:live",
            "PUBLISH phantom:announcements x",
            "DEL session_features:s9",
        ):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*command.split())


def test_the_ingest_service_may_nothing_but_say_hello(server: OwnServer) -> None:
    with client_of(server, "ingest") as client:
        assert client.ping()
        for command in ("GET rules:live", "SET session_features:s1 x"):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*command.split())
