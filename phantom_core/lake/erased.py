"""Erased ids: keyed hashes of what must not be loaded again.

The key lies in the workspace's folder of keys, so a hash cannot be tried out without it.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from filelock import FileLock

from phantom_core.core.lookalikes import visible_text
from phantom_core.core.workspace import WorkspacePaths

ErasedKind = Literal["session", "experiment", "subject", "account"]
ERASED: Final = "erased"
_TOKEN: Final = re.compile(r"[\w.:@+-]{1,256}")
_QUOTES: Final = "\"'.:,;"


class ErasedIds:
    """The ids that were erased from a workspace.

    Args:
        workspace: its folder.
    """

    def __init__(self, workspace: Path) -> None:
        self._paths = WorkspacePaths(workspace)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever erased."""
        return not self._paths.erased.exists()

    def digest(self, kind: ErasedKind, name: str) -> str:
        """The keyed hash of an id, 64 hexadecimal digits."""
        return _digest(self._key(), kind, name)

    def add(self, kind: ErasedKind, names: Iterable[str], *, now_ms: int) -> None:
        """Remember ids as erased; those that are known stay."""
        known, path = self._known(), self._paths.erased
        path.parent.mkdir(parents=True, exist_ok=True)
        found = (self.digest(kind, one) for name in names for one in (name, visible_text(name)))
        lines = [
            json.dumps({"digest": one, "kind": kind, "erased_ms": now_ms}) + "\n"
            for one in dict.fromkeys(found)
            if one not in known
        ]
        with path.open("a", encoding="utf-8") as f:
            f.writelines(lines)
            f.flush()
            os.fsync(f.fileno())

    def forget(self, kind: ErasedKind, names: Iterable[str]) -> int:
        """Allow ids to be loaded again; returns how many were erased."""
        path = self._paths.erased
        if not path.exists():
            return 0
        freed = {self.digest(kind, one) for name in names for one in (name, visible_text(name))}
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        left = [line for line in lines if json.loads(line)["digest"] not in freed]
        new = path.with_suffix(".new")
        new.write_text("".join(left), encoding="utf-8")
        new.replace(path)
        return len(lines) - len(left)

    def among(self, kind: ErasedKind, names: Iterable[str | None]) -> set[str]:
        """Those names that were erased."""
        known = self._known()
        if not known:
            return set()
        key = self._key()
        return {name for name in names if name is not None and _is_known(key, kind, name, known)}

    def in_texts(self, texts: Sequence[str | None]) -> list[bool]:
        """Whether each text holds the id of an erased session as a word."""
        known = self._known()
        if not known:
            return [False] * len(texts)
        key = self._key()
        return [
            text is not None and any(_is_known(key, "session", one, known) for one in _words(text))
            for text in texts
        ]

    def _known(self) -> frozenset[str]:
        path = self._paths.erased
        try:
            found = path.stat()
        except FileNotFoundError:
            return frozenset()
        return _read(path, found.st_mtime_ns, found.st_size)

    def _key(self) -> bytes:
        path = self._paths.privacy_key
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with FileLock(path.with_suffix(".lock")):
                if not path.exists():
                    new = path.with_suffix(".new")
                    new.unlink(missing_ok=True)
                    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                    with os.fdopen(descriptor, "wb") as f:
                        f.write(secrets.token_bytes(32))
                        os.fsync(f.fileno())
                    new.replace(path)
        return path.read_bytes()


def _is_known(key: bytes, kind: str, name: str, known: frozenset[str]) -> bool:
    """Whether a name was erased, also where it only differs in what nobody sees."""
    if _digest(key, kind, name) in known:
        return True
    seen = visible_text(name)
    return seen != name and _digest(key, kind, seen) in known


def _words(text: str) -> set[str]:
    found = {*_TOKEN.findall(text), *_TOKEN.findall(visible_text(text))}
    return found | {one.strip(_QUOTES) for one in found}


def _digest(key: bytes, kind: str, name: str) -> str:
    return hmac.new(key, f"{kind}:{name}".encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=4)
def _read(path: Path, changed_ns: int, n_bytes: int) -> frozenset[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(json.loads(line)["digest"] for line in lines)
