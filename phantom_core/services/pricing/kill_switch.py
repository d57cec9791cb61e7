"""Kill switch of the service: the file that is looked for several times a second."""

import threading
from typing import Final

from phantom_core.core.background import BackgroundThread
from phantom_core.core.kill_file import KillOrder, read_kill_file
from phantom_core.core.settings import Settings

LOOK_EVERY_S: Final = 0.25
_LATE_AFTER_S: Final = 5.0


class KillSwitch:
    """Looks for the kill file, in a thread of its own.

    Args:
        settings: name the file.

    Attributes:
        order: what the file says; None while there is none.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.order: KillOrder | None = None
        self.thread = BackgroundThread(
            "pricing-kill", "pricing", self._work, late_after_s=_LATE_AFTER_S
        )
        self.look()

    def look(self) -> None:
        """Look for the file now."""
        self.order = read_kill_file(self._settings)

    def _work(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK_EVERY_S):
            self.look()
            self.thread.succeeded()
