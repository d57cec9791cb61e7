"""Passes: what a training tells after each time over the rows, and how to read it back."""

import re
from dataclasses import dataclass
from typing import Final

_SAYING: Final = re.compile(
    r"fold (\d+) of \d+, pass (\d+), loss(?: agent ([\d.]+))?,?(?: purchase ([\d.]+))?$"
)


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


def report_epoch(epoch: int, done: Epoch) -> str:
    """A pass as a progress message."""
    losses = done.aside or done.learned
    parts = [
        f"{name} {value:.4f}"
        for name, value in (("agent", losses.agent), ("purchase", losses.purchase))
        if value is not None
    ]
    return f"pass {epoch}, loss {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class ReportedEpoch:
    """A pass of a fold, as a progress message tells it; None for a task without labels."""

    fold: int
    epoch: int
    agent: float | None
    purchase: float | None


def parse_epoch(message: str) -> ReportedEpoch | None:
    """Read a progress message of a cross-fit back; None for any other one.

    >>> parse_epoch("fold 2 of 5, pass 3, loss agent 0.3100, purchase 0.0990")
    ToldPass(fold=2, epoch=3, agent=0.31, purchase=0.099)
    """
    found = _SAYING.match(message)
    if not found:
        return None
    fold, epoch, agent, purchase = found.groups()
    return ReportedEpoch(
        int(fold),
        int(epoch),
        float(agent) if agent else None,
        float(purchase) if purchase else None,
    )
