"""Manifest: the identity of a saved model, its training data, and the hashes of its files."""

from dataclasses import dataclass
from types import ModuleType
from typing import Final

from pydantic import TypeAdapter, ValidationError

from phantom_core.core.errors import DataError

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest of a saved model.

    Attributes:
        format: of the model folder; a newer one is rejected.
        kind: "classifier", …
        version: name of the model, unique in its workspace.
        created_ms: when it was trained, UTC milliseconds.
        lake_version: version of the training events.
        sql_hash: of the SQL of its features.
        labels_sha256: of the training sessions, their labels and their actors.
        seed: of everything random in its training.
        features: columns it reads, in order.
        metrics: headline figures by name, of held-out sessions.
        libraries: version of each library used in training.
        files: SHA-256 of every other file in the folder, by name.
    """

    format: int
    kind: str
    version: str
    created_ms: int
    lake_version: int
    sql_hash: str
    labels_sha256: str
    seed: int
    features: tuple[str, ...]
    metrics: dict[str, float]
    libraries: dict[str, str]
    files: dict[str, str]

    def to_json(self) -> bytes:
        """The manifest as it is stored."""
        return _ADAPTER.dump_json(self, indent=2)


@dataclass(frozen=True, slots=True)
class _Header:
    format: int
    kind: str


_ADAPTER: Final = TypeAdapter(Manifest)
_HEADER_ADAPTER: Final = TypeAdapter(_Header)


def parse_manifest(text: bytes, kind: str, where: str) -> Manifest:
    """Parse a manifest.

    Args:
        text: the file's bytes.
        kind: the kind of model expected.
        where: named in the error.
    Raises:
        DataError: no manifest, of another kind, or of a newer format.
    """
    try:
        header = _HEADER_ADAPTER.validate_json(text)
    except ValidationError:
        raise DataError(
            f"{where} is not a model that PHANTOM saved: its manifest.json cannot be read.",
            hint="Train again.",
        ) from None
    if header.format > FORMAT:
        raise DataError(
            f"{where} was saved in format {header.format} by a newer PHANTOM; this one reads up "
            f"to {FORMAT}.",
            hint="Update PHANTOM.",
        )
    if header.kind != kind:
        raise DataError(f"{where} holds a model of kind '{header.kind}', not '{kind}'.")
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        missing = ", ".join(
            ".".join(str(part) for part in problem["loc"]) for problem in error.errors()
        )
        raise DataError(
            f"{where} is damaged: its manifest.json has no valid {missing}.", hint="Train again."
        ) from None


def library_versions(*modules: ModuleType) -> dict[str, str]:
    """Versions of imported libraries, by module name."""
    return {module.__name__: str(module.__version__) for module in modules}
