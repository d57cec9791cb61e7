"""The path: events and decisions of sessions, as columns that grow step by step."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray


class Move(IntEnum):
    """A step of a session. The first nine are habits; the rest follow from earlier decisions."""

    LIST = 0
    SEARCH = 1
    FILTER = 2
    SORT = 3
    OPEN = 4
    AGAIN = 5
    LEARN = 6
    HOVER = 7
    CLICK = 8
    ARRIVE = 9
    CART = 10
    CART_PAGE = 11
    REMOVE = 12
    CHECKOUT = 13
    PURCHASE = 14
    LEAVE = 15


N_HABITS = 9


@dataclass(frozen=True, slots=True)
class PathEvents:
    """Events as columns of one shape (n_events,).

    Attributes:
        visit: rows of the visits.
        move: values of Move.
        kind: which filter (0 date, 1 amenities, 2 price) or hover (0 title, 1 paragraph, 2 link, 3
            button); else 0.
        product: rows of the catalogue; -1 without a product.
        price: the price shown, currency; NaN without one.
        event_ms: UTC milliseconds, strictly rising within a visit.
    """

    visit: NDArray[np.int64]
    move: NDArray[np.int64]
    kind: NDArray[np.int64]
    product: NDArray[np.int64]
    price: NDArray[np.float64]
    event_ms: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Decisions:
    """First quotes and their outcomes, columns of one shape (n_quotes,).

    Attributes:
        visit: rows of the visits.
        product: rows of the catalogue.
        event_ms: UTC milliseconds.
        price: currency.
        base_price: currency.
        propensity: probability with which the price was chosen; NaN where it was not randomised.
        interest: P(consider), whatever the price; 0 once something else was considered.
        p_buy_considered: P(buy | considered) at this price.
        considered: whether it was considered, and so added to the cart.
        bought: whether it was bought.
    """

    visit: NDArray[np.int64]
    product: NDArray[np.int64]
    event_ms: NDArray[np.int64]
    price: NDArray[np.float64]
    base_price: NDArray[np.float64]
    propensity: NDArray[np.float64]
    interest: NDArray[np.float64]
    p_buy_considered: NDArray[np.float64]
    considered: NDArray[np.bool_]
    bought: NDArray[np.bool_]


class Path:
    """Events in the order of the walk.

    Args:
        sessions: rows of the population's sessions behind the visits, shape (n_visits,); None where
            visits are rows themselves.
    """

    def __init__(self, sessions: NDArray[np.int64] | None = None) -> None:
        self.sessions = sessions
        self._steps: list[PathEvents] = []

    def append(self, step: PathEvents) -> None:
        """Append one step of several visits."""
        self._steps.append(step)

    def steps(self, since: int) -> Sequence[PathEvents]:
        """The steps after the first `since` ones; a step has at most one event per visit."""
        return self._steps[since:]

    def events(self) -> PathEvents:
        """All events so far; rows of one visit are in time order."""
        return concatenate_paths(self._steps)


Columns = TypeVar("Columns", PathEvents, Decisions)


def concatenate_paths(parts: Sequence[Columns]) -> Columns:
    """Concatenate columns that share their numbering of visits."""
    kind = type(parts[0])
    return kind(
        *(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(kind))
    )


def take_rows(columns: Columns, rows: NDArray[np.int64]) -> Columns:
    """Select rows, in the order given."""
    return type(columns)(*(getattr(columns, column.name)[rows] for column in fields(columns)))
