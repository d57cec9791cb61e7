"""Mapping suggestion: which column of a foreign export is which field, by names and values."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from phantom_core.events.mapping import EVENT_FIELDS, QUOTE_FIELDS, REQUIRED, Kind
from phantom_core.events.vocabulary import canonical_name

# Words found in column names, the most specific first.
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "session_id": (
        "session_id",
        "sessionid",
        "session",
        "user_session",
        "visit_id",
        "visit",
        "sid",
    ),
    "ts": (
        "ts",
        "timestamp",
        "event_time",
        "eventtime",
        "ts_ms",
        "time",
        "datetime",
        "event_timestamp",
        "created_at",
        "date",
        "at",
        "when",
    ),
    "event_name": (
        "event_name",
        "eventname",
        "event_type",
        "eventtype",
        "event",
        "action",
        "activity",
        "what",
        "type",
        "name",
    ),
    "page": ("page", "page_url", "url", "page_location", "path", "location", "uri", "screen"),
    "product_id": (
        "product_id",
        "productid",
        "item_id",
        "itemid",
        "sku",
        "product",
        "item",
        "article",
        "offer_id",
        "hotel_id",
        "flight_id",
    ),
    "experiment_id": ("experiment_id", "experimentid", "experiment", "xp_id"),
    "store_mode": ("store_mode", "storemode", "store_type"),
    "user_agent": ("user_agent", "useragent", "ua", "agent"),
    "metadata": ("metadata", "properties", "attributes", "payload", "context", "params"),
    "client_event_id": ("event_id", "eventid", "event_uuid", "message_id", "insert_id", "uuid"),
    "price": ("price", "unit_price", "price_shown", "quoted_price", "amount", "value"),
    "base_price": ("base_price", "baseprice", "list_price", "regular_price"),
    "propensity": ("propensity", "probability"),
}
_METADATA: Final[Mapping[str, tuple[str, ...]]] = {
    "price": _NAMES["price"],
    "base_price": _NAMES["base_price"],
    "total": ("total", "revenue", "order_total", "order_value", "grand_total", "amount_paid"),
    "quantity": ("quantity", "qty"),
    "nights": ("nights",),
    "roomType": ("roomtype", "room_type"),
    "cabinClass": ("cabinclass", "cabin_class", "cabin"),
    "query": ("query", "search_term", "q", "keyword"),
    "referrer": ("referrer", "referer"),
}
# What foreign event names tend to mean; the first pattern found decides.
_MEANINGS: Final = (
    (r"remove|delete", "remove_item"),
    (r"purchase|order|paid|payment|transaction|buy|bought|confirm", "purchase_complete"),
    (r"checkout|booking|shipping", "checkout_start"),
    (r"cart|basket|bag", "add_item_to_cart"),
    (r"hover|mouse_?over", "hover_over_title"),
    (r"filter.*(date|day)|date.*filter", "filter_for_date"),
    (r"filter.*amenit", "filter_for_amenities"),
    (r"filter|facet|refine", "filter_for_price"),
    (r"sort|order_by", "sort_change"),
    (r"search|query", "search"),
    (r"(item|product|pdp|offer).*(view|page|impression|open|show|detail)", "view_item_page"),
    (r"view.*(item|product|offer)|^view$|^pdp$", "view_item_page"),
    (r"detail|learn|more_info|wishlist|favou?rite", "learn_more_about_item"),
    (r"page|screen|impression|^visit", "page_view"),
    (r"session|login|start|first_open", "session_start"),
    (r"click|tap|select|press|scroll", "click"),
)  # fmt: skip
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}.*)?|\d{9,19}(\.\d+)?")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:")
_USER_AGENT: Final = re.compile(r"Mozilla/|curl/|python-requests|bot\b", re.IGNORECASE)
_NUMBER: Final = re.compile(r"-?\d+([.]\d+)?")
_LEAST_SCORE: Final = 0.5


@dataclass(frozen=True, slots=True)
class MappingSuggestion:
    """The fields that the columns of a sample probably are.

    Attributes:
        kind: events or quotes.
        columns: field → column; fields without a fitting column are missing.
        metadata: metadata key → column.
    """

    kind: Kind
    columns: dict[str, str]
    metadata: dict[str, str]

    @property
    def missing(self) -> tuple[str, ...]:
        """Required fields for which no column was found."""
        return tuple(field for field in REQUIRED[self.kind] if field not in self.columns)


def suggest_mapping(sample: pa.Table) -> MappingSuggestion:
    """Suggest which column is which field.

    Args:
        sample: some rows, every column as text, NULL where empty.
    """
    columns = {
        name: [value for value in sample[name].to_pylist() if value is not None]
        for name in sample.column_names
    }
    kind = _kind(columns)
    fields = EVENT_FIELDS if kind == "events" else QUOTE_FIELDS
    found = _assign(
        {field: {name: _score(field, name, columns[name]) for name in columns} for field in fields}
    )
    free = [name for name in columns if name not in found.values()]
    metadata = (
        _assign({key: {name: _named(name, _METADATA[key]) for name in free} for key in _METADATA})
        if kind == "events"
        else {}
    )
    return MappingSuggestion(kind, found, metadata)


def suggest_event_name(name: str) -> str | None:
    """The canonical name that a foreign one probably means; None without a similar one.

    >>> [suggest_event_name(name) for name in ("OrderPlaced", "view_item", "heartbeat")]
    ['purchase_complete', 'view_item_page', None]
    """
    known = canonical_name(name)
    if known:
        return known
    folded = _folded(name)
    return next((meaning for pattern, meaning in _MEANINGS if re.search(pattern, folded)), None)


def _kind(columns: Mapping[str, Sequence[str]]) -> Kind:
    """A quote log has prices of products and no event names."""
    has_events = any(
        _score("event_name", name, values) >= _LEAST_SCORE for name, values in columns.items()
    )
    has_prices = any(_named(name, _NAMES["price"]) >= 0.9 for name in columns)
    return "quotes" if has_prices and not has_events else "events"


def _assign(scores: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    """Give each field its best column, the best fits first, no column twice."""
    ranked = sorted(
        ((score, field, name) for field, row in scores.items() for name, score in row.items()),
        key=lambda item: -item[0],
    )
    found: dict[str, str] = {}
    for score, field, name in ranked:
        if score >= _LEAST_SCORE and field not in found and name not in found.values():
            found[field] = name
    return {field: found[field] for field in scores if field in found}


def _score(field: str, name: str, values: Sequence[str]) -> float:
    """How well a column fits a field, in [0, 1], by its name and its values."""
    named, fits = _named(name, _NAMES[field]), _FITS.get(field)
    if fits is None or not values:
        return named
    share = fits(values)
    # Impossible values outweigh a name; possible ones count alone only for fields in _ALONE.
    return (
        named * share
        if named
        else (_share(values, _DATE.match) if field == "ts" else share) * _ALONE.get(field, 0.0)
    )


def _named(name: str, words: Sequence[str]) -> float:
    """1 for the most specific name, less for the others, 0.6 for a name that contains one."""
    folded = _folded(name)
    last = folded.split(".")[-1]
    for rank, word in enumerate(words):
        if word in (folded, last):
            return 1.0 - 0.03 * rank
    parts = set(re.split(r"[._]", folded))
    return 0.6 if any(word in parts for word in words) else 0.0


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip(
        "_"
    )


def _share(values: Sequence[str], fits: Callable[[str], object]) -> float:
    return sum(bool(fits(value)) for value in values) / len(values)


def _like_sessions(values: Sequence[str]) -> float:
    """Session ids repeat, and there is more than one."""
    n_distinct = len(set(values))
    return 1.0 if 1 < n_distinct < len(values) or len(values) < 5 else 0.7


def _like_event_names(values: Sequence[str]) -> float:
    """Few distinct short names, at best known ones."""
    distinct = set(values)
    if (
        len(distinct) > max(5, 0.2 * len(values))
        or max(map(len, distinct)) > 60
        or all(_NUMBER.fullmatch(name) for name in distinct)
    ):
        return 0.0
    return 0.7 + 0.3 * _share(sorted(distinct), suggest_event_name)


_FITS: Final[Mapping[str, Callable[[Sequence[str]], float]]] = {
    "session_id": _like_sessions,
    "ts": lambda values: _share(values, _TIME.fullmatch),
    "event_name": _like_event_names,
    "user_agent": lambda values: _share(values, _USER_AGENT.search),
    "metadata": lambda values: _share(values, lambda value: value.lstrip().startswith("{")),
    "price": lambda values: _share(values, _NUMBER.fullmatch),
    "base_price": lambda values: _share(values, _NUMBER.fullmatch),
    "propensity": lambda values: _share(values, _NUMBER.fullmatch),
    "store_mode": lambda values: _share(
        values, lambda value: value.lower() in ("hotel", "airline", "shop")
    ),
}
# Highest score by values alone, under a name that says nothing.
_ALONE: Final[Mapping[str, float]] = {
    "user_agent": 0.9,
    "store_mode": 0.9,
    "metadata": 0.6,
    "event_name": 0.6,
    "ts": 0.6,
}
