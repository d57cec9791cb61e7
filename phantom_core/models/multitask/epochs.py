"""Epochs: what a training reports after each pass over the rows."""

from dataclasses import dataclass, replace

from phantom_core.core.progress import Progress, ProgressValues


@dataclass(frozen=True, slots=True)
class Losses:
    """Mean log loss in nats of both tasks after an epoch; None for a task without labels."""

    agent: float | None
    purchase: float | None


@dataclass(frozen=True, slots=True)
class Epoch:
    """Losses of one epoch: on training rows, and on held-out rows (None without any)."""

    learned: Losses
    aside: Losses | None


@dataclass(frozen=True, slots=True)
class EpochLosses(ProgressValues):
    """Progress of a training.

    Attributes:
        epoch: number of the epoch, from 1.
        agent, purchase: mean log loss in nats on held-out actors, or on training actors where none
            are held out; None for a task without labels.
        fold: from 1; None outside a cross-fit.
    """

    epoch: int
    agent: float | None
    purchase: float | None
    fold: int | None = None


def report_epoch(progress: Progress, fraction: float, epoch: int, done: Epoch) -> None:
    """Report an epoch as a sentence and as values."""
    losses = done.aside or done.learned
    known = (("agent", losses.agent), ("purchase", losses.purchase))
    parts = [f"{name} {value:.4f}" for name, value in known if value is not None]
    values = EpochLosses(epoch, losses.agent, losses.purchase)
    progress(fraction, f"epoch {epoch}, loss {', '.join(parts)}", values)


def in_fold(progress: Progress, fold: int) -> Progress:
    """Progress whose losses carry the number of their fold, from 1."""

    def part(fraction: float, message: str, values: ProgressValues | None = None) -> None:
        named = replace(values, fold=fold) if isinstance(values, EpochLosses) else values
        progress(fraction, message, named)

    return part
