"""Usage: memory of the processes and disk of the workspace, over the time of a soak."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from phantom_core.services.soak.disk import BALLAST
from phantom_core.services.soak.stage import Stage

_BLOCK: Final = 512


@dataclass(frozen=True, slots=True)
class Sample:
    """Usage at one moment.

    Attributes:
        at_s: since the soak began, seconds.
        memory_mb: resident memory by part.
        disk_mb: by folder of the workspace.
    """

    at_s: float
    memory_mb: dict[str, float]
    disk_mb: dict[str, float]


@dataclass(slots=True)
class Usage:
    """Samples in time order."""

    samples: list[Sample] = field(default_factory=list)

    def take(self, at_s: float, stage: Stage, workspace: Path) -> None:
        """Take a sample."""
        memory: dict[str, float] = {}
        for name, process in stage.processes():
            with contextlib.suppress(psutil.Error):
                used = process.memory_info().rss / 1e6
                memory[name] = round(memory.get(name, 0.0) + used, 1)
        self.samples.append(Sample(round(at_s, 1), memory, disk_by_folder(workspace)))


def disk_by_folder(workspace: Path) -> dict[str, float]:
    """Size of each folder of a workspace on disk, and of its files as ".", megabytes."""
    found: dict[str, float] = {}
    for folder, _, names in os.walk(workspace):
        top = Path(folder).relative_to(workspace).parts[:1]
        size = sum(_size(Path(folder) / name) for name in names if name != BALLAST)
        key = top[0] if top else "."
        found[key] = found.get(key, 0.0) + size / 1e6
    return {name: round(size, 2) for name, size in sorted(found.items())}


def highest(samples: Sequence[dict[str, float]]) -> dict[str, float]:
    """The highest value of each name."""
    names = {name for sample in samples for name in sample}
    return {name: max(one.get(name, 0.0) for one in samples) for name in sorted(names)}


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):  # removed meanwhile
        return path.lstat().st_blocks * _BLOCK
    return 0
