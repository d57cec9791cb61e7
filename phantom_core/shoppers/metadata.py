"""Metadata: what clients report about an event beyond its name and product, as JSON text."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.shoppers.catalogue import Catalogue
from phantom_core.shoppers.clients import REFERRERS, VIEWPORTS, Clients
from phantom_core.shoppers.path import Move, PathEvents

# Metadata: a template, and the columns that fill it. Moves that differ by store or kind have one
# for each.
_Template = tuple[str, tuple[str, ...]]
_PRICED: Final[tuple[_Template, ...]] = (
    (
        '{"price":%.2f,"base_price":%.2f,"nights":%d,"roomType":"%s","dateIndex":%d}',
        ("price", "base_price", "units", "room", "days_ahead"),
    ),
    (
        '{"price":%.2f,"base_price":%.2f,"cabinClass":"%s","fareRule":"%s","flightType":"direct"}',
        ("price", "base_price", "cabin", "fare_rule"),
    ),
    ('{"price":%.2f,"base_price":%.2f,"quantity":%d}', ("price", "base_price", "units")),
)
_DATES: Final = ("from_day", "to_day")
_TEMPLATES: Final[dict[Move, tuple[_Template, ...]]] = {
    Move.LIST: (('{"viewport":"%s"}', ("viewport",)),),
    Move.SEARCH: (
        ('{"query":"%s","from":"%s","to":"%s"}', ("query", *_DATES)),
        ('{"query":"%s","from":"%s","to":"%s"}', ("query", *_DATES)),
        ('{"query":"%s"}', ("query",)),
    ),
    Move.SORT: (('{"sort":"%s"}', ("order",)),),
    Move.OPEN: _PRICED,
    Move.AGAIN: _PRICED,
    Move.LEARN: _PRICED,
    Move.HOVER: (('{"dwellTime":%d,"elementText":"%s"}', ("dwell_ms", "element")),),
    Move.CLICK: (('{"elementText":"%s"}', ("element",)),),
    Move.ARRIVE: (('{"referrer":"%s","viewport":"%s"}', ("referrer", "viewport")),),
    Move.CART: (('{"price":%.2f,"quantity":%d,"cart_size":1}', ("price", "units")),),
    Move.CART_PAGE: (('{"cart_size":1,"viewport":"%s"}', ("viewport",)),),
    Move.REMOVE: (('{"cart_size":0,"quantity":%d}', ("units",)),),
    Move.CHECKOUT: (('{"itemCount":%d}', ("units",)),),
    Move.PURCHASE: (('{"total":%.2f,"itemCount":%d}', ("total", "units")),),
}
_FILTER_TEMPLATES: Final[tuple[_Template, ...]] = (
    ('{"type":"date","from":"%s","to":"%s"}', _DATES),
    ('{"type":"amenities","amenities":["%s"]}', ("amenity",)),
    ('{"type":"price","min":%d,"max":%d}', ("low", "high")),
)
# Product-specific values, and independent ones.
_TRAITS: Final[dict[str, tuple[str, ...]]] = {
    "room": ("single", "double", "suite"),
    "cabin": ("economy", "premium", "business"),
    "fare_rule": ("refundable", "non_refundable"),
}
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "query": ("lisbon", "weekend", "family", "quiet", "near station", "cheap", "best rated"),
    "order": ("price_asc", "price_desc", "rating", "relevance"),
    "amenity": ("wifi", "breakfast", "parking", "pool", "extra legroom", "free returns"),
    "element": ("Show details", "Photos", "Terms", "Reviews", "Choose"),
}


@dataclass(frozen=True, slots=True)
class Baskets:
    """What each session shops for, arrays of shape (n_sessions,).

    Attributes:
        store: positions in STORE_MODES.
        units: nights, seats or pieces, 1 to 7.
        days_ahead: days from the session to the stay or flight.
    """

    store: NDArray[np.int64]
    units: NDArray[np.int64]
    days_ahead: NDArray[np.int64]


def draw_baskets(store: NDArray[np.int64], rng: np.random.Generator) -> Baskets:
    """Draw what sessions shop for: stays of some nights, seats for one or two, mostly one piece."""
    units = 1 + rng.binomial(6, np.array([0.25, 0.12, 0.06])[store])
    return Baskets(store, units, 1 + rng.integers(0, 90, store.size))


def metadata_of(
    events: PathEvents,
    clients: Clients,
    baskets: Baskets,
    catalogue: Catalogue,
    rng: np.random.Generator,
) -> NDArray[np.object_]:
    """Metadata of events as JSON text.

    Args:
        events: `visit` holds rows of the sessions.
        clients: the sessions' clients.
        baskets: what the sessions shop for.
        catalogue: products of the stores.
        rng: draws what carries no information about the shopper, such as the words of a query.
    Returns:
        JSON objects, shape (n_events,).
    """
    columns = _columns(events, clients, baskets, catalogue, rng)
    texts = np.full(events.move.size, "{}", object)
    for rows, (template, names) in _groups(events, baskets.store[events.visit]):
        values = zip(*(columns[name][rows].tolist() for name in names), strict=True)
        texts[rows] = [template % row for row in values]
    return texts


def _groups(
    events: PathEvents, store: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], _Template]]:
    """Rows that share a template, with that template."""
    for kind, template in enumerate(_FILTER_TEMPLATES):
        yield np.flatnonzero((events.move == Move.FILTER) & (events.kind == kind)), template
    for move, templates in _TEMPLATES.items():
        if len(templates) == 1:
            yield np.flatnonzero(events.move == move), templates[0]
            continue
        for shop, template in enumerate(templates):
            yield np.flatnonzero((events.move == move) & (store == shop)), template


def _columns(
    events: PathEvents,
    clients: Clients,
    baskets: Baskets,
    catalogue: Catalogue,
    rng: np.random.Generator,
) -> dict[str, NDArray[np.object_] | NDArray[np.float64] | NDArray[np.int64]]:
    """All values that a template may contain, one per event."""
    n, visit = events.move.size, events.visit
    traits = {
        name: np.array(words, object)[events.product % len(words)]
        for name, words in _TRAITS.items()
    }
    words = {
        name: np.array(choices, object)[rng.integers(0, len(choices), n)]
        for name, choices in _WORDS.items()
    }
    low = 10 * rng.integers(1, 12, n)
    first_day = events.event_ms // 86_400_000 + baskets.days_ahead[visit]
    return {
        **traits,
        **words,
        "price": events.price,
        "base_price": catalogue.base_price[events.product],
        "units": baskets.units[visit],
        "total": events.price * baskets.units[visit],
        "days_ahead": baskets.days_ahead[visit],
        "from_day": _days(first_day),
        "to_day": _days(first_day + baskets.units[visit]),
        "low": low,
        "high": low + 10 * rng.integers(2, 20, n),
        "dwell_ms": rng.lognormal(6.6, 0.6, n).astype(np.int64),
        "viewport": np.array(VIEWPORTS, object)[clients.viewport[visit]],
        "referrer": np.array(REFERRERS, object)[clients.referrer[visit]],
    }


def _days(day: NDArray[np.int64]) -> NDArray[np.object_]:
    """Days since 1970 as ISO dates."""
    found, at = np.unique(day, return_inverse=True)
    return np.asarray(
        np.array([str(date(1970, 1, 1) + timedelta(days=int(one))) for one in found], object)[at]
    )
