"""Machine: its name, and the start time of its processes, which identifies a process for good."""

import os
import platform
import subprocess
import sys
import uuid
from functools import cache
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


@cache
def this_machine() -> str:
    """Name of the set of processes whose ids can be compared with this one's.

    It changes with a restart and in a container, where the same process id is another process.
    """
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink(_PROC / "self/ns/pid")  # noqa: PTH115 - not a path but pid:[…]
    except OSError:
        boot, namespace = f"{uuid.getnode():x}", ""
    return f"{platform.node()} {boot} {namespace}".strip()


def process_start(pid: int) -> str | None:
    """When a process of this machine began, in the system's own notation.

    Returns:
        A text to compare; empty where there is no such process; None where this cannot be known.
    """
    if sys.platform == "win32":
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    try:
        # The name in parentheses may hold anything; fields 3 and 22 are state and start.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _start_by_ps(pid)
    return "" if fields[0] in "ZX" else fields[19]


def _start_by_ps(pid: int) -> str | None:
    try:
        found = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return found.stdout.strip() or None
