"""A live session: its features event by event, equal to the SQL's over the same events.

Events may come late, out of order or again: the features are those of the distinct events so far,
whatever their order of arrival. This needs the time and id of each event in memory, about
100 bytes each; all else grows with distinct pages and products. A property test checks that this
and the SQL agree for every prefix of thousands of sessions (docs/adr/0016-online-path.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any, Final

from phantom_core.core.errors import DataError
from phantom_core.features.catalogue import FEATURES, MEASURES, feature_names
from phantom_core.features.online.numbers import STATISTICS, Numbers
from phantom_core.features.online.times import OF_TIMES, Times
from phantom_core.features.online.user_agents import UserAgents
from phantom_core.features.relations import AGENT_MEASURES
from phantom_core.features.terms import (
    EVENTS,
    Count,
    Distinct,
    Measure,
    MostOfOne,
    MostWithin,
    Operator,
    Statistic,
    program,
)

Value = float | int | str | bool | None
_COUNTS: Final = tuple(
    measure.of for measure in MEASURES if isinstance(measure, Count) and measure.of != EVENTS
)
_GROUPS: Final = tuple(
    dict.fromkeys(
        (measure.key, measure.of)
        for measure in MEASURES
        if isinstance(measure, Distinct | MostOfOne)
    )
)
_NUMBERS: Final = tuple(
    dict.fromkeys(
        (measure.column, measure.of)
        for measure in MEASURES
        if isinstance(measure, Statistic)
        and (measure.of != EVENTS or measure.column == "price_seen")
    )
)
_MOST_NAMES: Final = 1_024
_Reads = tuple[tuple[int, Callable[[Any], Any]], ...]


@dataclass(frozen=True, slots=True)
class Event:
    """What features need of an event; the fields are those of schema.EVENTS."""

    event_ms: int
    event_seq: int
    event_id: int
    event_name: str
    page: str | None = None
    product_id: str | None = None
    price_seen: float | None = None
    user_agent: str | None = None
    store_mode: str = "shop"


class LiveSession:
    """One session so far.

    Attributes:
        times: of its events.
    """

    def __init__(self) -> None:
        self.times = Times()
        self._event_ids: set[int] = set()
        self._counts = [0] * len(_COUNTS)
        self._groups: list[dict[str, int]] = [{} for _ in _GROUPS]
        self._numbers = [Numbers() for _ in _NUMBERS]
        self._first_agent: tuple[int, int, int, str] | None = None
        self._first_mode: tuple[int, str] | None = None

    @property
    def n_events(self) -> int:
        """Distinct events so far."""
        return len(self._event_ids)

    @property
    def store_mode(self) -> str | None:
        """That of the earliest event, as sql/sessions.sql has it; None without events."""
        return self._first_mode[1] if self._first_mode else None

    def add(self, event: Event) -> bool:
        """Add an event; False when it was added before."""
        if event.event_id in self._event_ids:
            return False
        self._event_ids.add(event.event_id)
        self.times.add(event.event_ms)
        counts, groups, numbers = _touched(event.event_name)
        for at in counts:
            self._counts[at] += 1
        for at, read in groups:
            if (value := read(event)) is not None:
                group = self._groups[at]
                group[value] = group.get(value, 0) + 1
        for at, read in numbers:
            if (number := read(event)) is not None:
                self._numbers[at].add(number)
        mode = (event.event_ms, event.store_mode)
        self._first_mode = mode if self._first_mode is None else min(self._first_mode, mode)
        if event.user_agent:
            agent = (event.event_ms, event.event_seq, event.event_id, event.user_agent)
            self._first_agent = (
                agent if self._first_agent is None else min(self._first_agent, agent)
            )
        return True

    def features(self, user_agents: UserAgents) -> dict[str, Value]:
        """All features, in the order of the catalogue; None where undefined.

        Raises:
            DataError: the session has no event yet.
        """
        if not self.n_events:
            raise DataError("A session without events has no features.")
        values: list[Value] = [self.n_events, *self._counts, *[read(self) for read in _READ]]
        values += (
            user_agents.kind(self._first_agent[-1])
            if self._first_agent
            else [None] * len(AGENT_MEASURES)
        )
        values += _PROGRAM.constants
        for combine, left, right in _STEPS:
            values.append(combine(values[left], values[right]))
        return dict(zip(_NAMES, _RESULTS(values), strict=True))


@lru_cache(maxsize=_MOST_NAMES)
def _touched(event_name: str) -> tuple[tuple[int, ...], _Reads, _Reads]:
    """Positions in _COUNTS, _GROUPS and _NUMBERS that an event adds to, and how it is read."""
    groups = tuple(
        (at, attrgetter(key)) for at, (key, of) in enumerate(_GROUPS) if event_name in of
    )
    numbers = tuple(
        (at, attrgetter(column)) for at, (column, of) in enumerate(_NUMBERS) if event_name in of
    )
    return tuple(at for at, of in enumerate(_COUNTS) if event_name in of), groups, numbers


def _reading(measure: Measure) -> Callable[[LiveSession], Value]:
    """How a session's value of a measure is read."""
    match measure:
        case Distinct(key, of):
            at = _GROUPS.index((key, of))
            return lambda session: len(session._groups[at])
        case MostOfOne(key, of):
            at = _GROUPS.index((key, of))
            return lambda session: max(session._groups[at].values(), default=None)
        case MostWithin(window_ms):
            return lambda session: session.times.most_within[window_ms]
        case Statistic(which, column, of) if (column, of) in _NUMBERS:
            at, statistic = _NUMBERS.index((column, of)), STATISTICS[which]
            return lambda session: statistic(session._numbers[at])
        case Statistic(which, column):
            of_times = OF_TIMES[column, which]
            return lambda session: of_times(session.times)
    raise TypeError(f"A live session does not know how to work out {measure}.")


# Undefined where one of the two is, or where it would divide by 0.
_OPERATIONS: Final[Mapping[Operator, Callable[[Any, Any], Value]]] = {
    "+": lambda left, right: None if left is None or right is None else left + right,
    "-": lambda left, right: None if left is None or right is None else left - right,
    "*": lambda left, right: None if left is None or right is None else left * right,
    "/": lambda left, right: None if left is None or not right else left / right,
    "//": lambda left, right: None if left is None or right is None else left // right,
    "%": lambda left, right: None if left is None or right is None else left % right,
    ">": lambda left, right: None if left is None or right is None else left > right,
}
_OTHERS: Final = tuple(
    measure
    for measure in MEASURES
    if not isinstance(measure, Count) and measure not in AGENT_MEASURES
)
_READ: Final = tuple(_reading(measure) for measure in _OTHERS)
_PROGRAM: Final = program(
    [feature.how for feature in FEATURES],
    [Count(), *map(Count, _COUNTS), *_OTHERS, *AGENT_MEASURES],
)
_STEPS: Final = tuple(
    (_OPERATIONS[operator], left, right) for operator, left, right in _PROGRAM.steps
)
_RESULTS: Final = itemgetter(*_PROGRAM.results)
_NAMES: Final = feature_names()
