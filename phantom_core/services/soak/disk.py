"""Disk of a soak: a small file system of its own, which can be filled to the last byte."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BALLAST: Final = "ballast"
_BLOCK: Final = 4_096


@dataclass(frozen=True, slots=True)
class BoundedDisk:
    """A file system that a soak may fill.

    Attributes:
        folder: where it is mounted.
    """

    folder: Path

    def fill(self) -> None:
        """Take every free block."""
        descriptor = os.open(self.folder / BALLAST, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            at = os.fstat(descriptor).st_size
            while (left := shutil.disk_usage(self.folder).free // _BLOCK * _BLOCK) > 0:
                with contextlib.suppress(OSError):  # another process took some of it
                    os.posix_fallocate(descriptor, at, left)
                    at += left
        finally:
            os.close(descriptor)

    def free(self) -> None:
        """Give the blocks back."""
        (self.folder / BALLAST).unlink(missing_ok=True)


@contextmanager
def bounded_disk(folder: Path, size_mb: int) -> Iterator[BoundedDisk | None]:
    """A file system in memory, mounted at a folder for the time of the block.

    Args:
        folder: where to; made when missing.
        size_mb: its size, megabytes.
    Returns:
        None where this user may not mount one; the folder is then as any other.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not _run("mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=700", "soak", str(folder)):
        yield None
        return
    try:
        yield BoundedDisk(folder)
    finally:
        _run("umount", str(folder)) or _run("umount", "-l", str(folder))


def _run(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
