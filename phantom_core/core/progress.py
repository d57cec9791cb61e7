"""Progress: how a long task reports its state and learns that it was cancelled."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ProgressValues:
    """Figures beside the message; each kind of work derives a dataclass of numbers and texts."""


class Progress(Protocol):
    """Called after every step; raises CancelledError once the work was cancelled."""

    def __call__(self, fraction: float, message: str, values: ProgressValues | None = None) -> None:
        """Report.

        Args:
            fraction: share of the work done, in [0, 1].
            message: what is being done, one short phrase.
            values: figures of this step; None where it has none.
        Raises:
            CancelledError: the work was cancelled.
        """


def no_progress(fraction: float, message: str, values: ProgressValues | None = None) -> None:
    """Progress that is not shown."""


def part_progress(progress: Progress, start: float, stop: float) -> Progress:
    """Progress of a part, as the range [start, stop] of the whole.

    >>> report = part_progress(lambda f, m, v: print(f"{f:.2f} {m}"), 0.5, 1.0)
    >>> report(0.5, "half of the second half")
    0.75 half of the second half
    """

    def part(fraction: float, message: str, values: ProgressValues | None = None) -> None:
        progress(start + fraction * (stop - start), message, values)

    return part
