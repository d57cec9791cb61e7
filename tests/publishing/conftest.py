"""Servers for publishing tests: the embedded one, and a Redis if available; both start empty."""

from collections.abc import Iterator

import pytest
import redis

from phantom_core.core.settings import Settings
from phantom_core.valkey.server import connect_server, stop_embedded


@pytest.fixture(scope="package")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a workspace whose embedded server runs."""
    settings = Settings(workspace=tmp_path_factory.mktemp("embedded"), redis_url="")
    connect_server(settings).close()
    yield settings
    stop_embedded(settings)


@pytest.fixture(params=["embedded", pytest.param("by_url", marks=pytest.mark.redis)])
def settings(request: pytest.FixtureRequest) -> Settings:
    """Settings that name a server."""
    if request.param == "embedded":
        found: Settings = request.getfixturevalue("embedded")
        return found
    return Settings(redis_url=request.getfixturevalue("redis_url"))


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    """A client of a database that is empty; no other database of the server is touched."""
    with connect_server(settings) as client:
        client.flushdb()
        yield client
