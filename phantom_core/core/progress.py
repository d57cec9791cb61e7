"""Progress: how long work tells whoever waits where it stands, and hears that it should stop."""

from typing import Protocol


class Progress(Protocol):
    """Told after every step; raises CancelledError when the work should stop."""

    def __call__(self, fraction: float, message: str) -> None:
        """Report.

        Args:
            fraction: share of the work done, in [0, 1].
            message: what is being done, one short phrase.
        Raises:
            CancelledError: the person who asked took it back.
        """


def no_progress(fraction: float, message: str) -> None:
    """Progress that nobody watches."""


def part_progress(progress: Progress, start: float, stop: float) -> Progress:
    """Progress of a part, as a stretch [start, stop] of the whole.

    >>> part_progress(lambda f, m: print(f"{f:.2f} {m}"), 0.5, 1.0)(0.5, "half of the second half")
    0.75 half of the second half
    """

    def part(fraction: float, message: str) -> None:
        progress(start + fraction * (stop - start), message)

    return part
