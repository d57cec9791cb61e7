"""Business summary: what a period earned and leaked, beside the period before it."""

from dataclasses import dataclass
from typing import Final, Literal

from pydantic import TypeAdapter

from phantom_core.core.estimate import Estimate
from phantom_core.replay.origin import UNKNOWN, Origin
from phantom_core.replay.saved import from_text, to_text

ShopperClass = Literal["humans", "declared agents", "undeclared agents"]
CLASSES: Final[tuple[ShopperClass, ...]] = ("humans", "declared agents", "undeclared agents")


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """A figure of a period beside the period before.

    Attributes:
        now: of the period.
        before: of the period before; None where the data do not reach back that far.
        change: now minus before, from the same resamples; None without the period before.
    """

    now: Estimate
    before: Estimate | None
    change: Estimate | None

    @property
    def is_significant(self) -> bool:
        """Whether the interval of the change leaves out 0."""
        return self.change is not None and (self.change.low > 0 or self.change.high < 0)


@dataclass(frozen=True, slots=True)
class ClassBusiness:
    """What one class of shoppers did; each session counts by its probability of the class.

    Attributes:
        name: of the class.
        sessions: expected number in the period.
        revenue: currency.
        conversion: share of its sessions with a purchase.
    """

    name: ShopperClass
    sessions: float
    revenue: ComparedFigure
    conversion: ComparedFigure


@dataclass(frozen=True, slots=True)
class LeakingSegment:
    """A segment that leaks significantly more than its share of the revenue explains.

    Attributes:
        dimension: product, channel, store mode or cluster.
        key: which one.
        leakage: currency.
        share_of_revenue: its leakage over its own revenue.
        purchases: products bought.
        excess: leakage above the shop's rate, with an interval that holds for all segments that
            were tested at once.
    """

    dimension: str
    key: str
    leakage: Estimate
    share_of_revenue: float
    purchases: int
    excess: Estimate


@dataclass(frozen=True, slots=True)
class LiveRecovery:
    """Leakage that the live rules recover.

    Attributes:
        version: of the rules; empty for base prices.
        share: of the sessions that get them.
        recovered: currency, of the purchases of the period at this share; None where there is none.
        problem: why there is none, one sentence; empty where there is one.
    """

    version: str
    share: float
    recovered: Estimate | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class DayLeakage:
    """Leakage of 24 hours.

    Attributes:
        start_ms: of these hours, UTC milliseconds.
        leakage: currency.
    """

    start_ms: int
    leakage: Estimate


@dataclass(frozen=True, slots=True)
class BusinessSummary:
    """A period that ends with the newest event, and the period of equal length before it.

    Attributes:
        created_ms: when it was worked out, UTC milliseconds.
        lake_version: of the events.
        model: version of the classifier that gave P(agent); empty without one.
        seed: of the resamples.
        n_days: length of the period, each of 24 hours.
        start_ms, end_ms: of the period, UTC milliseconds; the end is not part of it.
        reference, says: name and description of the reference price of all leakage.
        sessions: that began in the period.
        unknown: of them of unknown class; they count in no class and in no leakage.
        leakage: currency.
        revenue: of all shoppers, currency.
        days: both periods, oldest first.
        classes: in the order of CLASSES.
        conversion_gap: conversion of humans minus that of all agents, in the period.
        segments: highest excess first.
        n_tested: segments that had enough purchases to be tested.
        live: what the live rules recover.
        origin: who asked for it.
    """

    created_ms: int
    lake_version: int
    model: str
    seed: int
    n_days: int
    start_ms: int
    end_ms: int
    reference: str
    says: str
    sessions: int
    unknown: int
    leakage: ComparedFigure
    revenue: ComparedFigure
    days: tuple[DayLeakage, ...]
    classes: tuple[ClassBusiness, ...]
    conversion_gap: Estimate
    segments: tuple[LeakingSegment, ...]
    n_tested: int
    live: LiveRecovery
    origin: Origin = UNKNOWN

    def to_text(self) -> str:
        """A file that `read_summary` reads back."""
        return to_text(self)


_ADAPTER: Final = TypeAdapter(BusinessSummary)


def read_summary(text: str, where: str) -> BusinessSummary:
    """Read a saved summary.

    Raises:
        DataError: it is not a summary.
    """
    return from_text(_ADAPTER, text, where, "Work it out again on the page Overview.")
