"""Shares: proportions with intervals that account for sessions clustered by actor."""

from collections.abc import Sequence
from dataclasses import dataclass

from phantom_core.accounts.permissions import needs_no_permission
from phantom_core.core.estimate import wilson_interval


@dataclass(frozen=True, slots=True)
class Share:
    """A proportion with its 95 % interval, all in [0, 1].

    Attributes:
        n: what it is a proportion of, count.
    """

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Actors:
    """Actors with the same counts.

    Attributes:
        n_yes: positive sessions of each.
        n_sessions: sessions of each, from 1.
        n_actors: how many there are.
    """

    n_yes: int
    n_sessions: int
    n_actors: int


@needs_no_permission
def clustered_share(actors: Sequence[Actors]) -> Share | None:
    """The share of positive sessions, with an interval that is clustered by actor.

    Args:
        actors: each actor counted once.
    Returns:
        None without a session.
    Source: Korn and Graubard 1998, Confidence intervals for proportions with small expected number
        of positive counts; with the interval of Wilson, as compared by Franco et al. 2019.

    >>> alone = clustered_share([Actors(0, 1, 50), Actors(1, 1, 50)])
    >>> together = clustered_share([Actors(0, 50, 1), Actors(50, 50, 1)])
    >>> alone.value == together.value, alone.low > together.low
    (True, True)
    """
    n, m = (
        sum(actor.n_sessions * actor.n_actors for actor in actors),
        sum(actor.n_actors for actor in actors),
    )
    if not n:
        return None
    share = sum(actor.n_yes * actor.n_actors for actor in actors) / n
    spread = sum(actor.n_actors * (actor.n_yes - share * actor.n_sessions) ** 2 for actor in actors)
    variance = spread * m / (m - 1) / n**2 if m > 1 else 0.0
    # Without variance between sessions, each actor counts once.
    n_effective = min(float(n), share * (1 - share) / variance) if variance else float(m)
    return Share(share, *wilson_interval(share, n_effective), n)
