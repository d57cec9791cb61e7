"""Session features in the session market: the SQL definitions, updated step by step.

Running SQL at every step of every session would read each event again and again. A property test
holds the two equal, for all features at every quote.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.features.catalogue import FEATURES, MEASURES, feature_names
from phantom_core.features.online.user_agents import UserAgents
from phantom_core.features.relations import AGENT_MEASURES, WINDOWS_MS
from phantom_core.features.terms import Column as Folded
from phantom_core.features.terms import (
    Count,
    Distinct,
    EventKind,
    Key,
    Measure,
    MostOfOne,
    MostWithin,
    Operator,
    SaysWhich,
    Statistic,
    Which,
    program,
)
from phantom_core.rules.evaluate import Column
from phantom_core.shoppers.catalogue import Catalogue
from phantom_core.shoppers.clients import USER_AGENTS
from phantom_core.shoppers.messages import EVENT_NAMES, NAME_OF, PLACE_OF, PLACES
from phantom_core.shoppers.path import Move, Path, PathEvents

_GROUPS: Final = tuple(
    dict.fromkeys(
        (measure.key, measure.of)
        for measure in MEASURES
        if isinstance(measure, Distinct | MostOfOne)
    )
)
_NUMBERS: Final = tuple(
    dict.fromkeys(
        (measure.column, measure.of) for measure in MEASURES if isinstance(measure, Statistic)
    )
)
# Events whose metadata contain a price.
_NAMES_PRICE: Final = np.isin(np.arange(len(Move)), (Move.OPEN, Move.AGAIN, Move.LEARN, Move.CART))
_ON_PRODUCT_PAGE: Final = 1
_FIRST_TIMES: Final = 64


class Moments:
    """Count, mean, spread and extremes of streamed numbers, for many rows at once.
    Source: Welford 1962.

    Args:
        n_rows: count.
    """

    def __init__(self, n_rows: int) -> None:
        self.count = np.zeros(n_rows, np.int64)
        self.mean, self.squares = np.zeros((2, n_rows))
        self.low, self.high = np.full(n_rows, np.inf), np.full(n_rows, -np.inf)

    def add(self, rows: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Add one number to each of some distinct rows."""
        self.count[rows] += 1
        off = values - self.mean[rows]
        self.mean[rows] += off / self.count[rows]
        self.squares[rows] += off * (values - self.mean[rows])
        self.low[rows] = np.minimum(self.low[rows], values)
        self.high[rows] = np.maximum(self.high[rows], values)

    def statistic(self, which: Which, rows: NDArray[np.int64]) -> Floats:
        """A statistic of some rows; NaN without a number, or with fewer than two for the standard
        deviation (n − 1).
        """
        if which == "STDDEV_SAMP":
            return np.sqrt(_divide(self.squares[rows], np.maximum(self.count[rows] - 1, 0)))
        values = {"MIN": self.low, "MAX": self.high, "AVG": self.mean}[which]
        return np.where(self.count[rows] > 0, values[rows], np.nan)


class MarketSessionFeatures:
    """Features of the sessions of one walk so far.

    Args:
        path: of the walk.
        store: of each session, positions in STORE_MODES, shape (n_visits,).
        user_agent: of each session, positions in USER_AGENTS, -1 for none, shape (n_visits,).
        catalogue: products of the stores.
    """

    def __init__(
        self,
        path: Path,
        store: NDArray[np.int64],
        user_agent: NDArray[np.int64],
        catalogue: Catalogue,
    ) -> None:
        n, n_shelf = store.size, int(catalogue.size.max())
        n_values = {"page": len(PLACES) + n_shelf, "product_id": n_shelf}
        self.path, self.user_agent, self.first_product = path, user_agent, catalogue.first[store]
        self.n_steps = 0
        self.n_events, self.last_ms = np.zeros((2, n), np.int64)
        self.times = np.zeros((n, _FIRST_TIMES), np.int64)
        self.window_start, self.most_within = np.zeros((2, len(WINDOWS_MS), n), np.int64)
        self.by_name = np.zeros((n, len(EVENT_NAMES)), np.int64)
        self.groups = [np.zeros((n, n_values[key]), np.int64) for key, _ in _GROUPS]
        self.numbers = [Moments(n) for _ in _NUMBERS]

    def columns(self, rows: NDArray[np.int64]) -> dict[str, Column]:
        """Features of some sessions, from every event in the path so far; numbers with NaN, texts
        with None where undefined.
        """
        for step in self.path.steps(self.n_steps):
            self._take(step)
            self.n_steps += 1
        of_user_agent, agents = _user_agent_measures(), self.user_agent[rows]
        values = [
            of_user_agent[measure][agents]
            if measure in of_user_agent
            else self._folded(measure, rows)
            for measure in MEASURES
        ]
        values += [np.asarray(constant, np.float64) for constant in _PROGRAM.constants]
        for operator, left, right in _PROGRAM.steps:
            values.append(_OPERATIONS[operator](values[left], values[right]))
        return {
            name: values[at] for name, at in zip(feature_names(), _PROGRAM.results, strict=True)
        }

    def _take(self, step: PathEvents) -> None:
        rows, name = step.visit, NAME_OF[step.move, step.kind]
        gap_ms = np.where(
            self.n_events[rows] > 0, (step.event_ms - self.last_ms[rows]).astype(np.float64), np.nan
        )
        price = np.where(_NAMES_PRICE[step.move], step.price, np.nan)
        numbers: dict[Folded, Floats] = {
            "event_ms": step.event_ms.astype(np.float64),
            "gap_ms": gap_ms,
            "price_seen": price,
        }
        for (column, of), moments in zip(_NUMBERS, self.numbers, strict=True):
            defined = _is_of(of)[name] & ~np.isnan(numbers[column])
            moments.add(rows[defined], numbers[column][defined])
        self._take_times(rows, step.event_ms)
        self.by_name[rows, name] += 1
        shelf = np.where(step.product >= 0, step.product - self.first_product[rows], -1)
        place = PLACE_OF[step.move]
        page = np.where((shelf >= 0) & (place == _ON_PRODUCT_PAGE), len(PLACES) + shelf, place)
        keys: dict[Key, NDArray[np.int64]] = {"page": page, "product_id": shelf}
        for (key, of), counts in zip(_GROUPS, self.groups, strict=True):
            named = _is_of(of)[name] & (keys[key] >= 0)
            counts[rows[named], keys[key][named]] += 1

    def _take_times(self, rows: NDArray[np.int64], event_ms: NDArray[np.int64]) -> None:
        n = self.n_events[rows]
        if n.size and n.max() >= self.times.shape[1]:
            self.times = np.hstack([self.times, np.zeros_like(self.times)])
        self.times[rows, n] = event_ms
        self.last_ms[rows], self.n_events[rows] = event_ms, n + 1
        for window_ms, start, most in zip(
            WINDOWS_MS, self.window_start, self.most_within, strict=True
        ):
            late = rows
            while late.size:
                late = late[self.times[late, start[late]] < self.last_ms[late] - window_ms]
                start[late] += 1
            most[rows] = np.maximum(most[rows], n + 1 - start[rows])

    def _folded(self, measure: Measure, rows: NDArray[np.int64]) -> Floats:
        """A measure of some sessions; NaN where undefined."""
        found: NDArray[np.int64]
        match measure:
            case Count(of):
                found = self.by_name[np.ix_(rows, _is_of(of))].sum(axis=1)
            case Distinct(key, of):
                found = np.count_nonzero(self.groups[_GROUPS.index((key, of))][rows], axis=1)
            case MostOfOne(key, of):
                most = self.groups[_GROUPS.index((key, of))][rows].max(axis=1, initial=0)
                return np.where(most > 0, most, np.nan)
            case MostWithin(window_ms):
                found = self.most_within[WINDOWS_MS.index(window_ms)][rows]
            case Statistic(which, column, of):
                return self.numbers[_NUMBERS.index((column, of))].statistic(which, rows)
            case _:
                raise TypeError(f"The session market cannot compute {measure}.")
        return found.astype(np.float64)


def _divide(above: Column, below: Column) -> Floats:
    """A ratio; NaN where it would divide by 0."""
    undefined = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    return np.asarray(np.divide(above, below, out=undefined, where=below != 0))


def _exceeds(left: Column, right: Column) -> Floats:
    """1 where left is greater, else 0; NaN where one of them is."""
    return np.where(
        np.isnan(left.astype(np.float64) + right.astype(np.float64)), np.nan, left > right
    )


_OPERATIONS: Final[Mapping[Operator, Callable[[Column, Column], Column]]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": _divide, "//": np.floor_divide,
    "%": np.mod, ">": _exceeds,
}  # fmt: skip
_PROGRAM: Final = program([feature.how for feature in FEATURES], MEASURES)


@cache
def _is_of(of: EventKind) -> NDArray[np.bool_]:
    """Which of EVENT_NAMES are of a kind."""
    return np.array([name in of for name in EVENT_NAMES])


@cache
def _user_agent_measures() -> Mapping[Measure, Column]:
    """Measures of each user agent that shoppers use; the last row, at -1, is for none."""
    user_agents = UserAgents()
    user_agents.learn(USER_AGENTS)
    kinds = [*map(user_agents.kind, USER_AGENTS), (None,) * len(AGENT_MEASURES)]
    types = [object if isinstance(measure, SaysWhich) else np.float64 for measure in AGENT_MEASURES]
    columns = [
        np.array(column, kind) for column, kind in zip(zip(*kinds, strict=True), types, strict=True)
    ]
    return dict(zip(AGENT_MEASURES, columns, strict=True))
