"""Background: a thread that goes on after any error, counts it, and says how it is.

An error ends one pass of the work, never the thread. Should the thread itself be gone, `check`
starts another one; whoever asks after it gets its state in words.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from phantom_core.core.telemetry.metrics import THREAD_RESTARTS, count_error

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0
_LOGGER: Final = logging.getLogger(__name__)


class BackgroundThread:
    """Work in a thread, until it is stopped.

    Args:
        name: of the thread, also in metrics.
        service: in metrics.
        work: called in the thread with the event that ends it; may return, and is called again. It
            calls `succeeded` after each pass that went well.
        late_after_s: longest time between two successes before it counts as late.

    Attributes:
        n_restarts: how often the work was begun again after an error.
        problem: the newest error in words; empty once the work succeeded again.
    """

    def __init__(
        self,
        name: str,
        service: str,
        work: Callable[[threading.Event], None],
        *,
        late_after_s: float,
    ) -> None:
        self._name, self._service, self._work = name, service, work
        self._late_after_s = late_after_s
        self._stop, self._guard = threading.Event(), threading.Lock()
        self._thread: threading.Thread | None = None
        self._success_s = time.monotonic()
        self.n_restarts = 0
        self.problem = ""

    def start(self) -> None:
        """Start the thread, unless it runs."""
        with self._guard:
            if self._stop.is_set() or (self._thread and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def succeeded(self) -> None:
        """Record that a pass of the work went well."""
        self._success_s = time.monotonic()
        self.problem = ""

    def check(self) -> str:
        """What is wrong with the thread, in words; empty if nothing is. A dead one is restarted."""
        thread = self._thread
        if thread is None or self._stop.is_set():
            return ""
        if not thread.is_alive():
            self._restarted("The thread was gone.")
            self.start()
            return f"The thread {self._name} was gone, and has been started again."
        silent_s = time.monotonic() - self._success_s
        if silent_s > self._late_after_s:
            why = f" {self.problem}" if self.problem else ""
            return f"The thread {self._name} last succeeded {silent_s:.0f} s ago.{why}"
        return ""

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stop.is_set():
            began_s = time.monotonic()
            try:
                self._work(self._stop)
            except BaseException as error:  # whatever it is, the next pass may go well
                self._restarted(f"{type(error).__name__}: {error}"[:300])
                count_error(self._service, f"thread_{type(error).__name__}")
                went_well = self._success_s > began_s
                pause_s = _FIRST_PAUSE_S if went_well else min(2 * pause_s, _LONGEST_PAUSE_S)
                self._stop.wait(pause_s)

    def _restarted(self, problem: str) -> None:
        self.n_restarts += 1
        self.problem = problem
        THREAD_RESTARTS.labels(self._service, self._name).inc()
        _LOGGER.error("%s goes on after an error. %s", self._name, problem)
