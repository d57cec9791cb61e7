"""Trial opening: a model is opened in a child process first, since C libraries read its bytes.

Whatever the bytes do to the child, the service that wants the model goes on and has a reason in
words. What was opened well once is not tried again: its hash is stored.
"""

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO, Final, cast

from phantom_core.core.errors import DataError, PhantomError
from phantom_core.core.program import child_environment
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.publishing.models import PublishedModel

WITHIN_S: Final = 60.0
_MOST_MEMORY: Final = 4 << 30
_MOST_CPU_S: Final = 30
_LIBRARIES: Final = ("onnxruntime", "numpy")
_LENGTH: Final = 8
_REFUSED: Final = 3


def check_opens(model: PublishedModel, known: Path) -> None:
    """Open a model in a child process, unless the same bytes were opened well before.

    Args:
        model: as published, verified.
        known: folder of the hashes of models that were opened well.
    Raises:
        DataError: it cannot be opened, or ends the process that tries.
    """
    mark = known / _digest(model)
    if mark.exists():
        return
    _open_in_child(model)
    with suppress(OSError):
        known.mkdir(parents=True, exist_ok=True)
        mark.touch()


def _open_in_child(model: PublishedModel) -> None:
    what = f"The {model.kind} {model.version}"
    with tempfile.TemporaryDirectory(prefix="phantom-trial-") as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", __name__],
                input=_packed(model),
                capture_output=True,
                timeout=WITHIN_S,
                cwd=folder,
                env=child_environment(os.environ),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _refusal(what, f"opening it took more than {WITHIN_S:.0f} s") from None
    if done.returncode == _REFUSED:
        raise DataError(done.stdout.decode(errors="replace")[:1_000], hint="Train again.")
    if done.returncode:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"code {done.returncode}"
        raise _refusal(what, f"it ended the process that tried to open it ({how})")


def _refusal(what: str, why: str) -> DataError:
    return DataError(
        f"{what} cannot be opened: {why}.", hint="Restore it from a backup, or train again."
    )


def _digest(model: PublishedModel) -> str:
    """Hash of the bytes and of the libraries that read them."""
    parts = [model.kind, model.sha256, *(f"{name} {version(name)}" for name in _LIBRARIES)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _packed(model: PublishedModel) -> bytes:
    """The model in one stream: a JSON head with the length of each file, then the files."""
    head = {
        "kind": model.kind,
        "version": model.version,
        "sha256": model.sha256,
        "published_ms": model.published_ms,
        "lengths": {name: len(content) for name, content in model.files.items()},
        "manifest": len(model.manifest),
    }
    text = json.dumps(head).encode()
    return b"".join((len(text).to_bytes(_LENGTH), text, model.manifest, *model.files.values()))


def _unpacked(stream: BinaryIO) -> PublishedModel:
    head = json.loads(stream.read(int.from_bytes(stream.read(_LENGTH))))
    manifest = stream.read(head["manifest"])
    lengths: Mapping[str, int] = head["lengths"]
    files = {name: stream.read(length) for name, length in lengths.items()}
    return PublishedModel(
        head["kind"], head["version"], head["sha256"], head["published_ms"], manifest, files
    )


def _limit() -> None:
    """Bound what the bytes can do: memory, time, no files, no core dump."""
    for kind, most in (
        (resource.RLIMIT_AS, _MOST_MEMORY),
        (resource.RLIMIT_CPU, _MOST_CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # a system that knows no such limit, or a lower one
            resource.setrlimit(kind, (most, most))


def main() -> int:
    """Open the model on the standard input; 0 where that works."""
    model = _unpacked(cast(BinaryIO, sys.stdin.buffer))
    open_published = cast(
        Callable[[PublishedModel], object], MODEL_KINDS.find(model.kind).open_published.load()
    )
    _limit()
    try:
        open_published(model)
    except PhantomError as error:
        sys.stdout.write(error.message)
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
