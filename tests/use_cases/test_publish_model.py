"""Services find the model in use; an unreachable server is reported, and retried later."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from phantom_core.core.settings import Settings
from phantom_core.model_store.manifest import FORMAT, Manifest
from phantom_core.model_store.store import ModelStore
from phantom_core.publishing.models import published_version, read_model
from phantom_core.signing.keys import public_keys
from phantom_core.use_cases.models.publish_model import publish_in_use
from phantom_core.valkey.server import connect_server, stop_embedded


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    chosen = Settings(workspace=tmp_path, redis_url="")
    yield chosen
    stop_embedded(chosen)


def save(settings: Settings, version: str) -> None:
    store = ModelStore(settings.workspace, "classifier")
    manifest = Manifest(
        FORMAT, "classifier", version, 1, 2, "abc", "def", 3, ("item_views",), {}, {}, {}
    )
    store.save(manifest, {"model.ubj": version.encode(), "card.md": b"# Card"})
    store.promote(version, now_ms=1, why="A test.")


def test_services_find_what_is_in_use_forward_and_back(settings: Settings) -> None:
    assert (
        publish_in_use(settings, "classifier", 1) == "Nothing is in use, so nothing is published."
    )
    save(settings, "v1")
    assert publish_in_use(settings, "classifier", 1) == "Published v1."
    assert publish_in_use(settings, "classifier", 1) == "v1 was published before."
    save(settings, "v2")
    publish_in_use(settings, "classifier", 1)
    found = read_model(connect_server(settings), public_keys(settings), "classifier")
    assert found is not None and (found.version, found.read("model.ubj")) == ("v2", b"v2")
    ModelStore(settings.workspace, "classifier").promote("v1", now_ms=2, why="Back.")
    publish_in_use(settings, "classifier", 1)
    assert published_version(connect_server(settings), "classifier") == "v1"


def test_an_unreachable_server_is_reported_in_a_sentence(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path, redis_url="redis://127.0.0.1:9/0")
    save(settings, "v1")
    assert publish_in_use(settings, "classifier", 1).startswith("Not published: ")
