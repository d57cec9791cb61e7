"""Monitoring report: checks of the last days, as one value and as a file."""

from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.monitoring.comparison import Check
from phantom_core.monitoring.drift import FeatureDrift


@dataclass(frozen=True, slots=True)
class Day:
    """One day, UTC.

    Attributes:
        start_ms: its first moment.
        sessions: that began on it, count.
        detected: of them classified as agents; None without a classifier.
        purchases: sessions that bought, count.
        revenue: currency.
    """

    start_ms: int
    sessions: int
    detected: int | None
    purchases: int
    revenue: float


@dataclass(frozen=True, slots=True)
class WeekFigures:
    """Seven days, to the moment.

    Attributes:
        sessions: that began in them, count.
        detected: of them classified as agents; None without a classifier.
        purchases: sessions that bought, count.
        revenue: currency.
    """

    sessions: int
    detected: int | None
    purchases: int
    revenue: float

    @property
    def agent_share(self) -> float | None:
        """Share of the sessions classified as agents; None without sessions or a classifier."""
        return None if self.detected is None or not self.sessions else self.detected / self.sessions


@dataclass(frozen=True, slots=True)
class ModelInUse:
    """A model in use.

    Attributes:
        kind: classifier or multitask.
        version: its name.
        trained_ms: UTC milliseconds.
        why: it was promoted; empty where it is not recorded.
    """

    kind: str
    version: str
    trained_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class LeakageFigure:
    """Expected leakage of the last week under the constant reference price.

    Attributes:
        money: currency.
        share: of revenue; None without revenue.
    """

    money: float
    share: float | None


@dataclass(frozen=True, slots=True)
class MonitorReport:
    """One run of the checks.

    Attributes:
        created_ms: when it ran, UTC milliseconds.
        as_of_ms: the last week ends here: now, or after the newest session where the last week has
            none.
        newest_ms: last event; None without any.
        checks: figures and their limits, alerts first.
        drift: features against their reference, the one that moved furthest first.
        reference: what features are compared with, a phrase; empty where they are not.
        days: the last weeks, by whole days.
        week, before: the last seven days and the seven before, to the moment.
        models: in use.
        leakage: None without purchases or without a P(agent).
    """

    created_ms: int
    as_of_ms: int
    newest_ms: int | None
    checks: tuple[Check, ...]
    drift: tuple[FeatureDrift, ...]
    reference: str
    days: tuple[Day, ...]
    week: WeekFigures
    before: WeekFigures
    models: tuple[ModelInUse, ...]
    leakage: LeakageFigure | None

    def to_file(self) -> bytes:
        """As it is stored."""
        return _ADAPTER.dump_json(self, indent=2)

    def to_json(self) -> dict[str, JsonValue]:
        """As a job or a command reports it."""
        return dict(_ADAPTER.dump_python(self, mode="json"))


_ADAPTER: Final = TypeAdapter(MonitorReport)


def parse_monitoring(text: bytes) -> MonitorReport:
    """Read a stored report back.

    Raises:
        DataError: it is not a monitoring report.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError:
        raise DataError(
            "The report of the last check cannot be read.", hint="Check again."
        ) from None
