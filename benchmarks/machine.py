"""Machine: the hardware, versions and peak memory of a benchmark."""

import os
import platform
import resource
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil


def machine(libraries: Sequence[str]) -> dict[str, str]:
    """Processor, memory, date, and versions of the measured packages.

    Args:
        libraries: names of the packages.
    """
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    cpu = next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")),
        platform.processor(),
    )
    return {
        "cpu": f"{cpu}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "date": datetime.now(UTC).date().isoformat(),
        "python": f"Python {platform.python_version()}",
        "libraries": ", ".join(f"{library} {version(library)}" for library in libraries),
    }


def peak_mb() -> float:
    """Peak memory of this process; on Linux from the kernel's own mark, since ru_maxrss includes
    the parent's.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    marks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return (
        int(marks[0]) * 1_024 / 1e6
        if marks
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    )
