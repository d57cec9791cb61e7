"""Models: the files of a saved model, published atomically for services that score sessions."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import redis
from redis.typing import FieldT

from phantom_core.core.errors import DataError, InputError, UnavailableError
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.publishing.announcement import Announcement
from phantom_core.publishing.canonical import canonical_json
from phantom_core.publishing.names import CHANNEL, check_version
from phantom_core.publishing.reading import as_bytes, as_text
from phantom_core.valkey.server import guarded_calls

MANIFEST: Final = "manifest.json"
# Formats that execute no code when they are read.
SAFE: Final = (".ubj", ".onnx", ".safetensors", ".json")
_FILE: Final = "file:"


class ModelManifest(Protocol):
    """The part of a manifest that publishing needs."""

    @property
    def version(self) -> str:
        """Name of the model."""

    @property
    def files(self) -> Mapping[str, str]:
        """SHA-256 of every file, by name."""

    def to_json(self) -> bytes:
        """The manifest as a file."""


class SavedModel(Protocol):
    """A model on disk."""

    @property
    def manifest(self) -> ModelManifest:
        """The manifest."""

    def read(self, name: str) -> bytes:
        """Bytes of one of its files."""


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A model as readers receive it.

    Attributes:
        kind: of model.
        version: of the model.
        sha256: of all its files.
        manifest: bytes of its manifest.json.
        files: bytes of every other file, by name.
    """

    kind: str
    version: str
    sha256: str
    manifest: bytes
    files: Mapping[str, bytes]

    def read(self, name: str) -> bytes:
        """Bytes of one of its files.

        Raises:
            DataError: it has no such file.
        """
        if name not in self.files:
            raise DataError(
                f"The published {self.kind} {self.version} has no file {name}.",
                hint="Publish it again.",
            )
        return self.files[name]


def publish_model(client: redis.Redis, kind: str, saved: SavedModel) -> None:
    """Replace the published model of a kind atomically, announce it, and read it back.

    Files for users, such as a model card, are left out.

    Args:
        client: the server.
        kind: of model.
        saved: the model on disk.
    Raises:
        InputError: it has no file that may be published.
        UnavailableError: the server is out of reach or takes no writes; readers then see either the
            old model or the new one.
    """
    key = MODEL_KINDS.find(kind).published_as
    manifest, version = saved.manifest.to_json(), saved.manifest.version
    check_version(version)
    files = {name: saved.read(name) for name in saved.manifest.files if name.endswith(SAFE)}
    if not files:
        raise InputError(
            f"The {kind} {version} has no file of a kind that may be published: {', '.join(SAFE)}."
        )
    sha256 = _sha256(manifest, files)
    fields: dict[FieldT, bytes | str] = {"version": version, "manifest": manifest, "sha256": sha256}
    fields |= {f"{_FILE}{name}": content for name, content in files.items()}
    with guarded_calls(client), client.pipeline(transaction=True) as pipeline:
        pipeline.delete(key)
        pipeline.hset(key, mapping=fields)
        pipeline.publish(CHANNEL, Announcement(kind, version).to_bytes())
        pipeline.execute()
    found = read_model(client, kind)
    if found is None or (
        found.version == version and found != PublishedModel(kind, version, sha256, manifest, files)
    ):
        raise UnavailableError(
            f"The server confirmed {kind} {version}, but then returned something else.",
            hint="Publish it again.",
        )


def read_model(client: redis.Redis, kind: str) -> PublishedModel | None:
    """Read the published model of a kind and verify its files; None where there is none.

    Raises:
        UnavailableError: the server does not answer.
        DataError: it is not what was published.
    """
    key = MODEL_KINDS.find(kind).published_as
    with guarded_calls(client):
        found = {as_text(name): as_bytes(content) for name, content in client.hgetall(key).items()}
    if not found:
        return None
    try:
        files = {
            name.removeprefix(_FILE): content
            for name, content in found.items()
            if name.startswith(_FILE)
        }
        manifest, sha256 = found["manifest"], as_text(found["sha256"])
        model = PublishedModel(kind, as_text(found["version"]), sha256, manifest, files)
        hashes = json.loads(manifest)["files"]
        is_whole = sha256 == _sha256(manifest, files) and all(
            hashes[name] == _hash(content) for name, content in files.items()
        )
    except (KeyError, ValueError, TypeError):
        is_whole = False
    if not is_whole:
        raise DataError(
            f"{key} is not the {kind} that was published: its SHA-256 differs.",
            hint="Publish the model again.",
        )
    return model


def published_version(client: redis.Redis, kind: str) -> str:
    """Version of the published model of a kind, without its files; empty where there is none.

    Raises:
        UnavailableError: the server does not answer.
    """
    with guarded_calls(client):
        found = client.hget(MODEL_KINDS.find(kind).published_as, "version")
    return "" if found is None else as_text(found)


def _sha256(manifest: bytes, files: Mapping[str, bytes]) -> str:
    """SHA-256 of the canonical JSON of the SHA-256 of each file by name, manifest included."""
    return _hash(
        canonical_json(
            {name: _hash(content) for name, content in {**files, MANIFEST: manifest}.items()}
        )
    )


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
