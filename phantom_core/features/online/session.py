"""A live session: its 29 features event by event, equal to what the SQL files say of the same
events.

Events may come late, out of order or again: the features are those of the distinct events so far,
whatever their order of arrival. What must be kept for that is the time and id of each event, about
100 bytes each; all else grows with distinct pages and products. A property of the tests holds this
and the SQL equal for every prefix of thousands of sessions (docs/adr/0016-online-path.md).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.features.online.prices import Prices
from phantom_core.features.online.times import Times
from phantom_core.features.online.user_agents import UserAgents

Value = float | int | str | bool | None
_ITEM_VIEWS: Final = ("view_item_page", "learn_more_about_item")
_DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Event:
    """What features need of an event; the fields are those of schema.EVENTS."""

    event_ms: int
    event_id: int
    event_name: str
    page: str | None = None
    product_id: str | None = None
    price_seen: float | None = None
    user_agent: str | None = None
    store_mode: str = "shop"


@dataclass(frozen=True, slots=True)
class _Kept:
    """A session as JSON."""

    event_ids: list[int]
    event_ms: list[int]
    tallies: dict[str, int]
    pages: list[str]
    products: dict[str, int]
    prices: Prices
    first_agent: tuple[int, int, str] | None
    first_mode: tuple[int, str] | None


class LiveSession:
    """One session so far.

    Attributes:
        times: of its events.
    """

    def __init__(self) -> None:
        self.times = Times()
        self._event_ids: set[int] = set()
        self._tallies: Counter[str] = Counter()
        self._pages: set[str] = set()
        self._products: Counter[str] = Counter()
        self._prices = Prices()
        self._first_agent: tuple[int, int, str] | None = None
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
        """Take an event; False when it was known already."""
        if event.event_id in self._event_ids:
            return False
        self._event_ids.add(event.event_id)
        self.times.add(event.event_ms)
        self._tally(event)
        if event.page is not None:
            self._pages.add(event.page)
        if event.price_seen is not None:
            self._prices.add(event.price_seen)
        mode = (event.event_ms, event.store_mode)
        self._first_mode = mode if self._first_mode is None else min(self._first_mode, mode)
        if event.user_agent:
            agent = (event.event_ms, event.event_id, event.user_agent)
            self._first_agent = (
                agent if self._first_agent is None else min(self._first_agent, agent)
            )
        return True

    def features(self, user_agents: UserAgents) -> dict[str, Value]:
        """The 29 features, in the order of the catalogue; None where undefined.

        Raises:
            DataError: the session has no event yet.
        """
        if not self.n_events:
            raise DataError("A session without events has no features.")
        return {
            **self._temporal(),
            **self._behavioural(),
            **self._product(),
            **self._user_agent(user_agents),
        }

    def to_json(self) -> dict[str, object]:
        """Everything known, as plain values; `from_json` reads it back."""
        return asdict(
            _Kept(
                sorted(self._event_ids),
                self.times.sorted_ms,
                dict(self._tallies),
                sorted(self._pages),
                dict(self._products),
                self._prices,
                self._first_agent,
                self._first_mode,
            )
        )

    @classmethod
    def from_json(cls, kept: Mapping[str, object]) -> "LiveSession":
        """A session as it was kept.

        Raises:
            DataError: this is no session that `to_json` gave.
        """
        try:
            read = TypeAdapter(_Kept).validate_python(dict(kept))
        except ValidationError as error:
            raise DataError(
                "This is not a kept session.", hint="Build it again from its events."
            ) from error
        session = cls()
        session.times = Times(read.event_ms)
        session._event_ids = set(read.event_ids)
        session._tallies, session._products = Counter(read.tallies), Counter(read.products)
        session._pages, session._prices = set(read.pages), read.prices
        session._first_agent, session._first_mode = read.first_agent, read.first_mode
        return session

    def _tally(self, event: Event) -> None:
        """The counts of sql/tallies.sql and sql/product.sql."""
        name = event.event_name
        if name in _ITEM_VIEWS:
            self._tallies["item_views"] += 1
            if event.product_id is not None:
                self._products[event.product_id] += 1
        elif name.startswith("hover"):
            self._tallies["hovers"] += 1
        elif name == "search" or name.startswith("filter"):
            self._tallies["filters"] += 1
        elif name in ("page_view", "add_item_to_cart", "purchase_complete", "sort_change"):
            self._tallies[name] += 1

    def _temporal(self) -> dict[str, Value]:
        times, n_events, duration_ms = self.times, self.n_events, self.times.duration_ms()
        spread_ms = times.gap_spread_ms()
        return {
            "session_duration_sec": duration_ms / 1e3,
            "total_interactions": n_events,
            "avg_time_between_events": _ratio(duration_ms / 1e3, n_events - 1),
            "std_time_between_events": None if spread_ms is None else spread_ms / 1e3,
            "min_time_between_events": None
            if times.shortest_ms is None
            else times.shortest_ms / 1e3,
            "interaction_velocity": _ratio(n_events * 6e4, duration_ms),
            "max_velocity_5min": times.most_in_window,
            "session_start_hour": times.sorted_ms[0] % _DAY_MS // _HOUR_MS,
        }

    def _behavioural(self) -> dict[str, Value]:
        tally = self._tallies
        item_views, carts, purchases, hovers = (
            tally["item_views"],
            tally["add_item_to_cart"],
            tally["purchase_complete"],
            tally["hovers"],
        )
        return {
            "page_views": tally["page_view"],
            "item_views": item_views,
            "cart_adds": carts,
            "purchases": purchases,
            "hover_events": hovers,
            "filter_events": tally["filters"] + tally["sort_change"],
            "cart_to_view_ratio": carts / (item_views + 1),
            "conversion_rate": _ratio(purchases, item_views),
            "hover_intensity": hovers / self.n_events,
            "unique_pages_visited": len(self._pages),
        }

    def _product(self) -> dict[str, Value]:
        prices = self._prices
        return {
            "unique_products_viewed": len(self._products),
            "product_view_depth": max(self._products.values(), default=None),
            "avg_price_seen": prices.mean if prices.count else None,
            "min_price_seen": prices.lowest,
            "max_price_seen": prices.highest,
            "std_price_seen": prices.spread(),
            "price_range_explored": prices.explored(),
            "filter_usage_count": self._tallies["filters"],
        }

    def _user_agent(self, user_agents: UserAgents) -> dict[str, Value]:
        is_headless, is_tool, family = (
            user_agents.kind(self._first_agent[2]) if self._first_agent else (None, None, None)
        )
        return {
            "is_headless_browser": is_headless,
            "is_automation_tool": is_tool,
            "browser_family": family,
        }


def _ratio(above: float, below: float) -> float | None:
    """A ratio; None where it would divide by 0."""
    return above / below if below else None
