"""Model store: one folder per version, written atomically and verified by hash when read.

A saved model is a candidate; it is used once it is promoted. A file names the model in use, and
can be changed without touching any model; every promotion is stored with its reason.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from phantom_core.core.errors import ConflictError, DataError, NotFoundError
from phantom_core.core.workspace import WorkspacePaths
from phantom_core.model_store.manifest import Manifest, parse_manifest

MANIFEST: Final = "manifest.json"
LATEST: Final = "latest"
ERASED: Final = "erased.json"
_REPORTS: Final = ("report.json", "card.md")
PROMOTIONS: Final = "promotions.jsonl"


@dataclass(frozen=True, slots=True)
class Promotion:
    """A change of the model in use.

    Attributes:
        version: in use from then on.
        before: version in use until then; empty for none.
        promoted_ms: when, UTC milliseconds.
        why: one sentence.
    """

    version: str
    before: str
    promoted_ms: int
    why: str


class ModelFiles(Protocol):
    """A saved model, in a folder or published."""

    @property
    def manifest(self) -> Manifest:
        """The manifest."""

    def read(self, name: str) -> bytes:
        """Bytes of one of its files.

        Raises:
            DataError: the file is missing, or is not the one that was saved.
        """


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A saved model whose manifest has been read.

    Attributes:
        folder: where its files are.
        manifest: of the model.
    """

    folder: Path
    manifest: Manifest

    def read(self, name: str) -> bytes:
        """Bytes of one of its files.

        Raises:
            DataError: the file is missing, or is not the one that was saved.
        """
        expected = self.manifest.files.get(name)
        path = self.folder / name
        if expected is None or not path.is_file():
            raise DataError(
                f"Model {self.manifest.version} has no file {name}.",
                hint="Train again, or choose another version.",
            )
        content = path.read_bytes()
        if file_digest(content) not in (expected, self._after_erasure(name)):
            raise DataError(
                f"{name} of model {self.manifest.version} is not the file that was saved: its "
                "SHA-256 differs.",
                hint="Restore the folder from a backup, or train again.",
            )
        return content

    def _after_erasure(self, name: str) -> str | None:
        """Hash of a file without sessions that were erased; None where it has them all."""
        if not _may_lose_rows(name):
            return None
        return _erased_hashes(self.folder).get(name)


class ModelStore:
    """All saved models of one kind in a workspace.

    Args:
        workspace: folder of the workspace.
        kind: "classifier", …; also the name of the folder.
    """

    def __init__(self, workspace: Path, kind: str) -> None:
        self.kind = kind
        self.root = WorkspacePaths(workspace).models(kind)

    def versions(self) -> tuple[str, ...]:
        """Names of the saved models, oldest first."""
        return tuple(sorted(path.parent.name for path in self.root.glob(f"[!.]*/{MANIFEST}")))

    def choices(self) -> tuple[str, ...]:
        """Names of the saved models: the one in use, then the others, newest first."""
        used, names = self.in_use(), self.versions()[::-1]
        return tuple(sorted(names, key=lambda name: name != used))

    def in_use(self) -> str | None:
        """Name of the model promoted last; None where there is none."""
        try:
            return self.latest()
        except NotFoundError:
            return None

    def latest(self) -> str:
        """Name of the model promoted last.

        Raises:
            NotFoundError: there is none.
            DataError: the file that names it cannot be read.
        """
        try:
            return (self.root / LATEST).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            raise NotFoundError(
                f"No {self.kind} has been trained in this workspace yet.",
                hint=f"Train one: python -m phantom_core train {self.kind}",
            ) from None
        except UnicodeDecodeError:
            raise DataError(
                f"{self.root / LATEST} does not name a {self.kind}: it is not text.",
                hint="Delete it and train again.",
            ) from None

    def open(self, version: str | None = None) -> StoredModel:
        """Find a saved model.

        Args:
            version: its name; None means the latest.
        Raises:
            NotFoundError: there is no such model.
            DataError: the folder has no valid model, or one of a newer PHANTOM.
        """
        wanted = version or self.latest()
        if wanted not in self.versions():
            known = ", ".join(self.versions()) or "none"
            raise NotFoundError(f"There is no {self.kind} '{wanted}'.", hint=f"Saved: {known}.")
        folder = self.root / wanted
        return StoredModel(
            folder, parse_manifest((folder / MANIFEST).read_bytes(), self.kind, f"Model {wanted}")
        )

    def save(self, manifest: Manifest, files: Mapping[str, bytes]) -> StoredModel:
        """Save a model as a candidate; it is not used before it is promoted.

        Args:
            manifest: of the model; the hashes are filled in here.
            files: content by name.
        Raises:
            ConflictError: a model of this name exists.
        """
        hashed = replace(
            manifest, files={name: file_digest(content) for name, content in sorted(files.items())}
        )
        self.root.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".saving-", dir=self.root))
        try:
            for name, content in {**files, MANIFEST: hashed.to_json()}.items():
                write_durably(temporary / name, content)
            self._publish(temporary, hashed.version)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return StoredModel(self.root / hashed.version, hashed)

    def promote(self, version: str, *, now_ms: int, why: str) -> Promotion:
        """Make a saved model the latest, forward or back.

        Args:
            version: its name.
            now_ms: the clock, UTC milliseconds.
            why: one sentence, stored in the history.
        Raises:
            NotFoundError: there is no such model.
            DataError: its manifest cannot be read.
        """
        self.open(version)
        promotion = Promotion(version, self.in_use() or "", now_ms, why)
        with (self.root / PROMOTIONS).open("ab") as file:
            file.write(json.dumps(asdict(promotion)).encode() + b"\n")
        replace_file(self.root / LATEST, f"{version}\n".encode())
        return promotion

    def promotions(self) -> tuple[Promotion, ...]:
        """All promotions, oldest first; unreadable lines are left out."""
        try:
            lines = (self.root / PROMOTIONS).read_bytes().splitlines()
        except FileNotFoundError:
            return ()
        return tuple(found for line in lines if (found := _promotion(line)))

    def _publish(self, temporary: Path, version: str) -> None:
        try:
            temporary.rename(self.root / version)
        except OSError as error:
            raise ConflictError(f"There is already a {self.kind} '{version}'.") from error
        (self.root / version).chmod(0o755)


def _promotion(line: bytes) -> Promotion | None:
    try:
        return Promotion(**json.loads(line))
    except (ValueError, TypeError):
        return None


def note_erased(folder: Path, name: str) -> None:
    """Note the hash of a model's table or report from which rows were erased.

    The manifest stays as it was approved; files that a model is made of never change.

    Args:
        folder: of the model.
        name: of the file, which was replaced already.
    Raises:
        ConflictError: the model itself is read from this file.
    """
    if not _may_lose_rows(name):
        raise ConflictError(f"{name} is a part of the model and cannot lose rows.")
    found = {**_erased_hashes(folder), name: file_digest((folder / name).read_bytes())}
    replace_file(folder / ERASED, json.dumps(found, indent=2).encode())


def _may_lose_rows(name: str) -> bool:
    return name.endswith(".parquet") or name in _REPORTS


def _erased_hashes(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / ERASED).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file atomically: readers see the old content or the new one."""
    descriptor, temporary = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    os.close(descriptor)
    try:
        write_durably(Path(temporary), content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def write_durably(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def file_digest(content: bytes) -> str:
    """SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
