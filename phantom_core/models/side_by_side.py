"""Parallel folds: trained at the same time, as many as there are cores."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from phantom_core.core.errors import CancelledError
from phantom_core.core.progress import Progress, ProgressValues

Result = TypeVar("Result")


def run_folds(
    work: Callable[[int, Progress], Result], n_folds: int, progress: Progress
) -> list[Result]:
    """Run the work of all folds in threads: torch computes outside Python's lock.

    Args:
        work: of one fold, by its number; reports its own progress in [0, 1].
        n_folds: count.
        progress: called with the mean of all folds; when it cancels, all folds stop.
    Returns:
        Results in the order of the folds.
    Raises:
        CancelledError: progress cancelled.
    """
    shared = _Shared(n_folds, progress)
    # Each thread has its own number of threads in torch; with more than one they would wait for
    # each other.
    with ThreadPoolExecutor(
        min(n_folds, os.cpu_count() or 1), initializer=torch.set_num_threads, initargs=(1,)
    ) as executor:
        futures = [executor.submit(work, k, shared.of(k)) for k in range(n_folds)]
        try:
            return [future.result() for future in futures]
        except BaseException:
            shared.stop.set()
            executor.shutdown(cancel_futures=True)
            raise


class _Shared:
    """Progress of all folds combined."""

    def __init__(self, n_folds: int, progress: Progress) -> None:
        self.done, self.progress = [0.0] * n_folds, progress
        self.stop, self._lock = threading.Event(), threading.Lock()

    def of(self, k: int) -> Progress:
        """Progress of fold k."""

        def report(fraction: float, message: str, values: ProgressValues | None = None) -> None:
            if self.stop.is_set():
                raise CancelledError("Another fold was stopped.")
            with self._lock:
                self.done[k] = fraction
                sentence = f"fold {k + 1} of {len(self.done)}, {message}"
                self.progress(sum(self.done) / len(self.done), sentence, values)

        return report
