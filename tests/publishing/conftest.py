"""Servers for publishing: the embedded one, and a Redis where there is one; most tests run on both, and find them empty."""

from collections.abc import Iterator

import pytest
import redis

from phantom_core.publishing.server import connect, stop_embedded
from phantom_core.settings import Settings


@pytest.fixture(scope="package")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a workspace whose embedded server runs."""
    settings = Settings(workspace=tmp_path_factory.mktemp("embedded"), redis_url="")
    connect(settings).close()
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
    with connect(settings) as client:
        client.flushdb()
        yield client
