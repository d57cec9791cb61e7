"""A Valkey server that the tests share, emptied for each of them, and a workspace of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from phantom_core.core.settings import KafkaSettings, ServiceSettings, Settings
from phantom_core.valkey import embedded
from phantom_core.valkey.server import connect_server, stop_embedded


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server."""
    settings = Settings(workspace=tmp_path_factory.mktemp("server"), redis_url="")
    connect_server(settings).close()
    yield embedded.server_url(settings.workspace)
    stop_embedded(settings)


@pytest.fixture
def settings(tmp_path: Path, server: str) -> Settings:
    return Settings(
        workspace=tmp_path / "workspace",
        redis_url=server,
        kafka=KafkaSettings(bootstrap=""),
        services=ServiceSettings(stream_commit_s=0.3),
    )


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    client = connect_server(settings)
    client.flushall()
    yield client
    client.close()
