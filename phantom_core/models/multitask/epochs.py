"""Passes: what a training reports after each time over the rows."""

from dataclasses import dataclass, replace

from phantom_core.core.progress import Progress, ProgressValues


@dataclass(frozen=True, slots=True)
class Losses:
    """Mean surprise in nats of both tasks after a pass; None for a task without labels."""

    agent: float | None
    purchase: float | None


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the rows: surprise on those learned from, and on those kept aside (None without
    any).
    """

    learned: Losses
    aside: Losses | None


@dataclass(frozen=True, slots=True)
class EpochLosses(ProgressValues):
    """Progress of a training.

    Attributes:
        epoch: passes made, from 1.
        agent, purchase: mean log loss in nats on actors kept aside, or learned from where none
            are; None for a task without labels.
        fold: from 1; None outside a cross-fit.
    """

    epoch: int
    agent: float | None
    purchase: float | None
    fold: int | None = None


def report_pass(progress: Progress, fraction: float, epoch: int, done: Epoch) -> None:
    """Report a pass as a sentence and as values."""
    losses = done.aside or done.learned
    known = (("agent", losses.agent), ("purchase", losses.purchase))
    parts = [f"{name} {value:.4f}" for name, value in known if value is not None]
    values = EpochLosses(epoch, losses.agent, losses.purchase)
    progress(fraction, f"pass {epoch}, loss {', '.join(parts)}", values)


def in_fold(progress: Progress, fold: int) -> Progress:
    """Progress whose losses carry the number of their fold, from 1."""

    def part(fraction: float, message: str, values: ProgressValues | None = None) -> None:
        named = replace(values, fold=fold) if isinstance(values, EpochLosses) else values
        progress(fraction, message, named)

    return part
