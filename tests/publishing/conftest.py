"""Servers for publishing: an embedded one that most tests share, emptied for each of them."""

from collections.abc import Iterator

import pytest
import redis

from phantom_core.publishing.server import connect, stop_embedded
from phantom_core.settings import Settings


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a workspace whose embedded server runs."""
    settings = Settings(workspace=tmp_path_factory.mktemp("shared"), redis_url="")
    connect(settings).close()
    yield settings
    stop_embedded(settings)


@pytest.fixture
def client(shared: Settings) -> Iterator[redis.Redis]:
    """A client of an empty server."""
    client = connect(shared)
    client.flushall()
    yield client
    client.close()
