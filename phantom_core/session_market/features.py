"""Session features while a visit goes on: what the SQL files say of the events so far, tallied step
by step.

Asking the SQL files at every step of every visit would read each event again and again. A property
of the tests holds the two equal, for all 29 features at every quote.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from phantom_core.events import schema
from phantom_core.features.aggregate import features_at
from phantom_core.features.steps import WINDOW_MS
from phantom_core.rules.evaluate import Column
from phantom_core.shoppers.catalogue import Catalogue
from phantom_core.shoppers.clients import USER_AGENTS
from phantom_core.shoppers.messages import PLACE_OF, PLACES
from phantom_core.shoppers.path import Move, Path, PathEvents

_KINDS: Final = ("page_views", "item_views", "cart_adds", "purchases", "hovers", "filters", "sorts")
_KIND_OF: Final = {
    Move.LIST: "page_views", Move.CART_PAGE: "page_views", Move.OPEN: "item_views", Move.AGAIN: "item_views", Move.LEARN: "item_views",
    Move.CART: "cart_adds", Move.PURCHASE: "purchases", Move.HOVER: "hovers",
    Move.FILTER: "filters", Move.SEARCH: "filters", Move.SORT: "sorts",
}  # fmt: skip
# The last column takes the moves that nothing counts.
_COLUMN: Final = np.array(
    [_KINDS.index(_KIND_OF[move]) if move in _KIND_OF else len(_KINDS) for move in Move]
)
_IS_ITEM_VIEW: Final = np.isin(np.arange(len(Move)), (Move.OPEN, Move.AGAIN, Move.LEARN))
# Events whose metadata name a price.
_NAMES_PRICE: Final = np.isin(np.arange(len(Move)), (Move.OPEN, Move.AGAIN, Move.LEARN, Move.CART))
_ON_PRODUCT_PAGE: Final = 1
_FIRST_TIMES: Final = 64
_DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000


class Moments:
    """Count, mean, spread and extremes of numbers that come one by one, for many rows at once.
    Source: Welford 1962.

    Args:
        n_rows: how many.
    """

    def __init__(self, n_rows: int) -> None:
        self.count = np.zeros(n_rows, np.int64)
        self.mean, self.squares = np.zeros((2, n_rows))
        self.low, self.high = np.full(n_rows, np.inf), np.full(n_rows, -np.inf)

    def add(self, rows: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Take one number for each of some distinct rows."""
        self.count[rows] += 1
        off = values - self.mean[rows]
        self.mean[rows] += off / self.count[rows]
        self.squares[rows] += off * (values - self.mean[rows])
        self.low[rows] = np.minimum(self.low[rows], values)
        self.high[rows] = np.maximum(self.high[rows], values)

    def known(self, values: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Values of some rows; NaN where no number came."""
        return np.where(self.count[rows] > 0, values[rows], np.nan)

    def spread(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Standard deviation with n − 1; NaN for fewer than two numbers."""
        return np.sqrt(
            _divide(self.squares[rows], np.where(self.count[rows] > 1, self.count[rows] - 1, 0))
        )


class MarketSessionFeatures:
    """What the visits of one walk did so far.

    Args:
        path: the walk's.
        store: of each visit, positions in STORE_MODES, shape (n_visits,).
        user_agent: of each visit, positions in USER_AGENTS, -1 for none, shape (n_visits,).
        catalogue: what the stores sell.
    """

    def __init__(
        self,
        path: Path,
        store: NDArray[np.int64],
        user_agent: NDArray[np.int64],
        catalogue: Catalogue,
    ) -> None:
        n, n_shelf = store.size, int(catalogue.size.max())
        self.path, self.user_agent, self.first_product = path, user_agent, catalogue.first[store]
        self.n_steps = 0
        self.n_events, self.first_ms, self.last_ms = np.zeros((3, n), np.int64)
        self.times = np.zeros((n, _FIRST_TIMES), np.int64)
        self.window_start, self.most_in_window = np.zeros((2, n), np.int64)
        self.gaps, self.prices = Moments(n), Moments(n)
        self.tally = np.zeros((n, len(_KINDS) + 1), np.int64)
        self.pages = np.zeros((n, len(PLACES) + n_shelf), np.bool_)
        self.views = np.zeros((n, n_shelf), np.int64)

    def columns(self, rows: NDArray[np.int64]) -> dict[str, Column]:
        """The 29 features of some visits, from every event the path holds by now; numbers with NaN,
        texts with None where undefined.
        """
        for step in self.path.steps(self.n_steps):
            self._take(step)
            self.n_steps += 1
        return {
            **self._temporal(rows),
            **self._behavioural(rows),
            **self._product(rows),
            **_user_agent(self.user_agent[rows]),
        }

    def _take(self, step: PathEvents) -> None:
        rows = step.visit
        self._take_times(rows, step.event_ms)
        self.tally[rows, _COLUMN[step.move]] += 1
        shelf = step.product - self.first_product[rows]
        place = PLACE_OF[step.move]
        on_product = (step.product >= 0) & (place == _ON_PRODUCT_PAGE)
        self.pages[rows, np.where(on_product, len(PLACES) + shelf, place)] = True
        viewed = _IS_ITEM_VIEW[step.move] & (step.product >= 0)
        self.views[rows[viewed], shelf[viewed]] += 1
        priced = _NAMES_PRICE[step.move] & ~np.isnan(step.price)
        self.prices.add(rows[priced], step.price[priced])

    def _take_times(self, rows: NDArray[np.int64], event_ms: NDArray[np.int64]) -> None:
        n = self.n_events[rows]
        later = n > 0
        self.gaps.add(rows[later], (event_ms - self.last_ms[rows])[later] / 1e3)
        self.first_ms[rows[~later]] = event_ms[~later]
        if n.size and n.max() >= self.times.shape[1]:
            self.times = np.hstack([self.times, np.zeros_like(self.times)])
        self.times[rows, n] = event_ms
        self.last_ms[rows], self.n_events[rows] = event_ms, n + 1
        late = rows
        while late.size:
            late = late[self.times[late, self.window_start[late]] < self.last_ms[late] - WINDOW_MS]
            self.window_start[late] += 1
        self.most_in_window[rows] = np.maximum(
            self.most_in_window[rows], n + 1 - self.window_start[rows]
        )

    def _temporal(self, rows: NDArray[np.int64]) -> dict[str, Column]:
        n, duration_ms = (
            self.n_events[rows].astype(np.float64),
            (self.last_ms - self.first_ms)[rows].astype(np.float64),
        )
        return {
            "session_duration_sec": duration_ms / 1e3,
            "total_interactions": n,
            "avg_time_between_events": _divide(duration_ms / 1e3, n - 1),
            "std_time_between_events": self.gaps.spread(rows),
            "min_time_between_events": self.gaps.known(self.gaps.low, rows),
            "interaction_velocity": _divide(n * 6e4, duration_ms),
            "max_velocity_5min": self.most_in_window[rows].astype(np.float64),
            "session_start_hour": (self.first_ms[rows] % _DAY_MS // _HOUR_MS).astype(np.float64),
        }

    def _behavioural(self, rows: NDArray[np.int64]) -> dict[str, Column]:
        page_views, item_views, carts, purchases, hovers, filters, sorts = self.tally[
            rows, : len(_KINDS)
        ].T.astype(np.float64)
        return {
            "page_views": page_views,
            "item_views": item_views,
            "cart_adds": carts,
            "purchases": purchases,
            "hover_events": hovers,
            "filter_events": filters + sorts,
            "cart_to_view_ratio": carts / (item_views + 1),
            "conversion_rate": _divide(purchases, item_views),
            "hover_intensity": hovers / self.n_events[rows],
            "unique_pages_visited": self.pages[rows].sum(axis=1).astype(np.float64),
            "filter_usage_count": filters,
        }

    def _product(self, rows: NDArray[np.int64]) -> dict[str, Column]:
        views, prices = self.views[rows], self.prices
        depth = views.max(axis=1, initial=0).astype(np.float64)
        return {
            "unique_products_viewed": (views > 0).sum(axis=1).astype(np.float64),
            "product_view_depth": np.where(depth > 0, depth, np.nan),
            "avg_price_seen": prices.known(prices.mean, rows),
            "min_price_seen": prices.known(prices.low, rows),
            "max_price_seen": prices.known(prices.high, rows),
            "std_price_seen": prices.spread(rows),
            "price_range_explored": prices.known(prices.high, rows)
            - prices.known(prices.low, rows),
        }


def _divide(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """A ratio; NaN where it would divide by 0."""
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0))


def _user_agent(rows: NDArray[np.int64]) -> dict[str, Column]:
    return {name: values[rows] for name, values in _user_agent_features().items()}


@cache
def _user_agent_features() -> Mapping[str, Column]:
    """What the SQL file says of each user agent the shoppers use; the last row, at -1, is for
    none.
    """
    agents = (*USER_AGENTS, None)
    rows = [
        {"session_key": i, "event_ms": 0, "event_id": i, "session_id": str(i), "store_mode": "shop", "event_name": "page_view",
         "user_agent": agent, "load_seq": 0}
        for i, agent in enumerate(agents)
    ]  # fmt: skip
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("events", pa.Table.from_pylist(rows, schema.EVENTS))
        found = features_at(connection)
    flags = ("is_headless_browser", "is_automation_tool")
    numbers = {
        name: np.array(
            [np.nan if flag is None else float(flag) for flag in found[name].to_pylist()]
        )
        for name in flags
    }
    return {**numbers, "browser_family": np.array(found["browser_family"].to_pylist(), object)}
