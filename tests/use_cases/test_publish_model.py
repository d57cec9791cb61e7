"""Services find the model that was approved; an unreachable server is reported, and retried."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.approvals.governed_changes import change_in_force, supersede_change
from phantom_core.approvals.governed_kinds import MODEL
from phantom_core.core.settings import Settings
from phantom_core.database.connection import write_transaction
from phantom_core.model_store.manifest import FORMAT, Manifest
from phantom_core.model_store.store import ModelStore
from phantom_core.publishing.models import published_version, read_model
from phantom_core.signing.keys import public_keys
from phantom_core.use_cases.models.model_use import take_first_model
from phantom_core.use_cases.models.publish_model import publish_approved
from phantom_core.valkey.server import connect_server, stop_embedded
from tests.approved import approve_model_now


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    chosen = Settings(workspace=tmp_path, redis_url="")
    yield chosen
    stop_embedded(chosen)


def save(settings: Settings, version: str) -> None:
    manifest = Manifest(
        FORMAT, "classifier", version, 1, 2, "abc", "def", 3, ("item_views",), {}, {}, {}
    )
    ModelStore(settings.workspace, "classifier").save(
        manifest,
        {
            **dict.fromkeys(
                ("model.ubj", "quote_model.ubj", "quote_calibration.json"), version.encode()
            ),
            "card.md": b"# Card",
        },
    )


def test_services_find_what_is_approved_forward_and_back(settings: Settings) -> None:
    nothing = "No model is approved for pricing, so nothing is published."
    assert publish_approved(settings, "classifier", 1) == nothing
    save(settings, "v1")
    assert publish_approved(settings, "classifier", 1) == nothing
    assert take_first_model(settings, "classifier", "v1", "A test.", now_ms=1)
    assert publish_approved(settings, "classifier", 1) == "Published v1."
    assert publish_approved(settings, "classifier", 1) == "v1 was published before."
    save(settings, "v2")
    assert not take_first_model(settings, "classifier", "v2", "A test.", now_ms=1)
    assert publish_approved(settings, "classifier", 1) == "v1 was published before."
    approve_model_now(settings, "classifier", "v2")
    publish_approved(settings, "classifier", 1)
    found = read_model(connect_server(settings), public_keys(settings), "classifier")
    assert found is not None and (found.version, found.read("model.ubj")) == ("v2", b"v2")
    approve_model_now(settings, "classifier", "v1")
    publish_approved(settings, "classifier", 1)
    assert published_version(connect_server(settings), "classifier") == "v1"


def test_a_model_whose_approval_ended_is_not_published(settings: Settings) -> None:
    save(settings, "v1")
    take_first_model(settings, "classifier", "v1", "A test.", now_ms=1)
    with write_transaction(control_engine(settings)) as connection:
        change = change_in_force(connection, MODEL, "classifier")
        assert change is not None
        supersede_change(connection, change, "A test.", now_ms=2)
    assert not take_first_model(settings, "classifier", "v1", "Again.", now_ms=3)
    assert publish_approved(settings, "classifier", 1).startswith("No model is approved")


def test_an_unreachable_server_is_reported_in_a_sentence(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path, redis_url="redis://127.0.0.1:9/0")
    save(settings, "v1")
    take_first_model(settings, "classifier", "v1", "A test.", now_ms=1)
    assert publish_approved(settings, "classifier", 1).startswith("Not published: ")
