"""The drain as a child process: supervised, begun again when it ends, and asked how far it is.

It also runs the guard of price experiments, so a drain that stays away must be seen.
"""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from phantom_core.core.background import BackgroundThread
from phantom_core.core.errors import UnavailableError
from phantom_core.core.program import child_environment, phantom_command
from phantom_core.core.settings import Settings
from phantom_core.core.telemetry.metrics import DECISIONS_WAITING
from phantom_core.messages.decision_log import segments_folder
from phantom_core.messages.segments import list_segments

DRAIN_EVERY_S: Final = 10
LATE_AFTER_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.5
_DRAINED_WITHIN_S: Final = 60.0
_THREAD: Final = "decision-drain"


class DrainProcess:
    """Keeps a process running that writes decisions to the lake.

    Args:
        settings: workspace.
        command: of the process; None means `serve decisions`.
        late_after_s: decisions that wait longer are a problem, seconds.

    Attributes:
        thread: watches the process.
    """

    def __init__(
        self,
        settings: Settings,
        command: Sequence[str] | None = None,
        late_after_s: float = LATE_AFTER_S,
    ) -> None:
        self._folder, self._late_after_s = segments_folder(settings.workspace), late_after_s
        self._command = tuple(command or _drain_command(settings))
        self.thread = BackgroundThread(_THREAD, "pricing", self._work, late_after_s=late_after_s)

    def _work(self, stop: threading.Event) -> None:
        """Run one process; returns once it was told to stop.

        Raises:
            UnavailableError: it ended by itself.
        """
        # A process of its own, so that writing to the lake takes no time from prices; it ends with
        # this one, whatever happens.
        child = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=child_environment(os.environ),
        )
        try:
            while not stop.wait(_LOOK_EVERY_S):
                if (code := child.poll()) is not None:
                    raise UnavailableError(f"The drain of decisions ended with code {code}.")
                waited_s = waiting_seconds(self._folder)
                DECISIONS_WAITING.set(waited_s)
                if waited_s < self._late_after_s:
                    self.thread.succeeded()
        finally:
            _finish(child)


def waiting_seconds(folder: Path) -> float:
    """For how long the oldest decisions have waited for the lake, seconds.

    Args:
        folder: of the segments.
    """
    try:
        oldest_s = min((path.stat().st_mtime for path in list_segments(folder)), default=None)
    except FileNotFoundError:  # drained meanwhile
        return 0.0
    return 0.0 if oldest_s is None else max(0.0, time.time() - oldest_s)


def _drain_command(settings: Settings) -> list[str]:
    command = phantom_command(
        "serve",
        "decisions",
        "--every",
        str(DRAIN_EVERY_S),
        "--with-parent",
        "--workspace",
        str(settings.workspace.absolute()),
    )
    # Prices go first, from the child's first import.
    return ["nice", "-n", "10", *command] if shutil.which("nice") else command


def _finish(child: "subprocess.Popen[bytes]") -> None:
    """Let a process drain what is left, then end."""
    assert child.stdin is not None
    child.stdin.close()
    try:
        child.wait(_DRAINED_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
