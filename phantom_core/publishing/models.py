"""Models: the files of a saved model, published atomically for services that score sessions."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import redis
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as checked
from redis.typing import FieldT

from phantom_core.core.errors import DataError, InputError, UnavailableError
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.publishing.announcement import Announcement
from phantom_core.publishing.canonical import canonical_json
from phantom_core.publishing.names import CHANNEL, check_version
from phantom_core.publishing.reading import as_bytes, parse_document, right_type
from phantom_core.publishing.signed import UnsignedError, open_signed, sign_document
from phantom_core.signing.keys import PublicKeys, SigningKey
from phantom_core.valkey.server import guarded_calls

MANIFEST: Final = "manifest.json"
# Formats that execute no code when they are read.
SAFE: Final = (".ubj", ".onnx", ".safetensors", ".json")
FORMAT: Final = "phantom-model/1"
STATEMENT: Final = "statement"
_FILE: Final = "file:"
Fields = Mapping[str, bytes]


@checked(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class _Statement:
    format: Literal["phantom-model/1"]
    kind: str
    version: str
    sha256: str
    published_ms: int


_ADAPTER: Final = TypeAdapter(_Statement)


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
        published_ms: when it was published, UTC milliseconds; a greater one is later.
        manifest: bytes of its manifest.json.
        files: bytes of every other file, by name.
    """

    kind: str
    version: str
    sha256: str
    published_ms: int
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


def publish_model(
    client: redis.Redis, key: SigningKey, kind: str, saved: SavedModel, *, now_ms: int
) -> None:
    """Replace the published model of a kind atomically, announce it, and read it back.

    Files for users, such as a model card, are left out.

    Args:
        client: the server.
        key: signs its version and the hash of its files.
        kind: of model.
        saved: the model on disk.
        now_ms: UTC milliseconds.
    Raises:
        InputError: it has no file that may be published.
        UnavailableError: the server is out of reach or takes no writes; readers then see either the
            old model or the new one.
    """
    model = _published(kind, saved, now_ms)
    fields: dict[FieldT, bytes | str] = {
        "version": model.version,
        "manifest": model.manifest,
        "sha256": model.sha256,
        STATEMENT: sign_document(key, FORMAT, _statement(model)),
    }
    fields |= {f"{_FILE}{name}": content for name, content in model.files.items()}
    name = MODEL_KINDS.find(kind).published_as
    with guarded_calls(client), client.pipeline(transaction=True) as pipeline:
        pipeline.delete(name)
        pipeline.hset(name, mapping=fields)
        pipeline.publish(CHANNEL, Announcement(kind, model.version).to_bytes())
        pipeline.execute()
    found = read_model(client, key.public_keys, kind)
    if found is None or (found.version == model.version and found != model):
        raise UnavailableError(
            f"The server confirmed {kind} {model.version}, but then returned something else.",
            hint="Publish it again.",
        )


def read_model(client: redis.Redis, keys: PublicKeys, kind: str) -> PublishedModel | None:
    """Read the published model of a kind and verify it; None where there is none.

    Raises:
        UnavailableError: the server does not answer.
        UnsignedError: it is not signed by a trusted key.
        DataError: it is not what was published.
    """
    fields = read_fields(client, kind)
    return open_fields(keys, kind, fields) if fields else None


def read_fields(client: redis.Redis, kind: str) -> dict[str, bytes]:
    """The fields of the published model of a kind, unverified; empty where there is none.

    Raises:
        UnavailableError: the server does not answer.
    """
    key = MODEL_KINDS.find(kind).published_as
    with guarded_calls(client), right_type(key):
        found = client.hgetall(key)
    return {as_bytes(name).decode(errors="replace"): as_bytes(one) for name, one in found.items()}


def open_fields(keys: PublicKeys, kind: str, fields: Fields) -> PublishedModel:
    """Verify a published model: its signature first, then that every byte of it is as signed.

    Args:
        keys: that the reader trusts.
        kind: of model.
        fields: of its key.
    Raises:
        UnsignedError: it is not signed by a trusted key, or not as this kind.
        DataError: its files are not those that were signed.
    """
    key = MODEL_KINDS.find(kind).published_as
    signed = _signed_statement(keys, kind, fields.get(STATEMENT, b""))
    files = {
        name.removeprefix(_FILE): content
        for name, content in fields.items()
        if name.startswith(_FILE)
    }
    manifest = fields.get("manifest", b"")
    # The signed hash covers every file and the manifest, so nothing is parsed that nobody signed.
    named = (fields.get("version"), fields.get("sha256"))
    is_whole = signed.sha256 == _sha256(manifest, files) and named == (
        signed.version.encode(),
        signed.sha256.encode(),
    )
    try:
        hashes = json.loads(manifest)["files"] if is_whole else {}
        is_whole = is_whole and all(hashes[name] == _hash(one) for name, one in files.items())
    except (KeyError, ValueError, TypeError, RecursionError):
        is_whole = False
    if not is_whole:
        raise DataError(
            f"{key} is not the {kind} that was published: its SHA-256 differs.",
            hint="Publish the model again.",
        )
    return PublishedModel(kind, signed.version, signed.sha256, signed.published_ms, manifest, files)


def is_published(client: redis.Redis, keys: PublicKeys, kind: str, saved: SavedModel) -> bool:
    """Whether services can read exactly this model, signed.

    Raises:
        UnavailableError: the server does not answer.
    """
    try:
        found = read_model(client, keys, kind)
    except DataError:
        return False
    return found is not None and (found.version, found.manifest) == (
        saved.manifest.version,
        saved.manifest.to_json(),
    )


def published_version(client: redis.Redis, kind: str) -> str:
    """Version that the server names for a kind, unverified; empty where there is none.

    Raises:
        UnavailableError: the server does not answer.
    """
    with guarded_calls(client):
        found = client.hget(MODEL_KINDS.find(kind).published_as, "version")
    return "" if found is None else as_bytes(found).decode(errors="replace")


def _published(kind: str, saved: SavedModel, now_ms: int) -> PublishedModel:
    manifest, version = saved.manifest.to_json(), saved.manifest.version
    check_version(version)
    files = {name: saved.read(name) for name in saved.manifest.files if name.endswith(SAFE)}
    if not files:
        raise InputError(
            f"The {kind} {version} has no file of a kind that may be published: {', '.join(SAFE)}."
        )
    return PublishedModel(kind, version, _sha256(manifest, files), now_ms, manifest, files)


def _statement(model: PublishedModel) -> bytes:
    return canonical_json(
        {
            "format": FORMAT,
            "kind": model.kind,
            "version": model.version,
            "sha256": model.sha256,
            "published_ms": model.published_ms,
        }
    )


def _signed_statement(keys: PublicKeys, kind: str, content: bytes) -> _Statement:
    key = MODEL_KINDS.find(kind).published_as
    found = parse_document(_ADAPTER, open_signed(keys, FORMAT, content, key), FORMAT, key)
    if found.kind != kind:
        raise UnsignedError(
            f"{key} holds a {found.kind}, expected a {kind}.", hint="Publish the model again."
        )
    return found


def _sha256(manifest: bytes, files: Mapping[str, bytes]) -> str:
    """SHA-256 of the canonical JSON of the SHA-256 of each file by name, manifest included."""
    return _hash(
        canonical_json(
            {name: _hash(content) for name, content in {**files, MANIFEST: manifest}.items()}
        )
    )


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
