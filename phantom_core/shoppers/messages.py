"""Messages: steps of sessions as the events that the shops' clients send."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.events.schema import STORE_MODES
from phantom_core.shoppers.catalogue import Catalogue
from phantom_core.shoppers.clients import USER_AGENTS, Clients
from phantom_core.shoppers.metadata import Baskets, metadata_of
from phantom_core.shoppers.path import Move, PathEvents, take_rows

EVENTS: Final = pa.schema(
    [
        pa.field(name, pa.string())
        for name in (
            "sessionId",
            "experimentId",
            "storeMode",
            "ts",
            "page",
            "eventName",
            "productId",
            "metadata",
            "userAgent",
        )
    ]
)
_ROWS_AT_ONCE: Final = 250_000
PLACES: Final = ("", "/results", "/cart", "/checkout", "/confirmation")
_PLACES_OF: Final = {
    Move.ARRIVE: 0,
    Move.CART_PAGE: 2,
    Move.REMOVE: 2,
    Move.CHECKOUT: 3,
    Move.PURCHASE: 4,
}
PLACE_OF: Final = np.array([_PLACES_OF.get(move, 1) for move in Move])

_FILTERS: Final = ("filter_for_date", "filter_for_amenities", "filter_for_price")
_HOVERS: Final = (
    "hover_over_title",
    "hover_over_paragraph",
    "hover_over_link",
    "hover_over_button",
)
# Names by kind: of the later client, then of the earlier one.
_NAMES: Final[dict[Move, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    Move.LIST: (("page_view",), ("page_view",)),
    Move.SEARCH: (("search",), ("search",)),
    Move.FILTER: (_FILTERS, ("filter_apply",) * 3),
    Move.SORT: (("sort_change",), ("sort",)),
    Move.OPEN: (("view_item_page",), ("product_view",)),
    Move.AGAIN: (("view_item_page",), ("product_view",)),
    Move.LEARN: (("learn_more_about_item",), ("learn_more",)),
    Move.HOVER: (
        _HOVERS,
        ("product_hover", "hover_over_paragraph", "hover_over_link", "hover_over_button"),
    ),
    Move.CLICK: (("click",), ("click",)),
    Move.ARRIVE: (("session_start",), ("session_start",)),
    Move.CART: (("add_item_to_cart",), ("add_to_cart",)),
    Move.CART_PAGE: (("page_view",), ("page_view",)),
    Move.REMOVE: (("remove_item",), ("remove_from_cart",)),
    Move.CHECKOUT: (("checkout_start",), ("checkout",)),
    Move.PURCHASE: (("purchase_complete",), ("purchase",)),
}


@dataclass(frozen=True, slots=True)
class Senders:
    """The senders of the events: one row per session.

    Attributes:
        session_id: Arrow strings, n_sessions of them.
        experiment_id: Arrow strings, n_sessions of them.
        clients: browsers and tools of the sessions.
        baskets: what the sessions shop for.
    """

    session_id: pa.Array
    experiment_id: pa.Array
    clients: Clients
    baskets: Baskets


def write_events(
    events: PathEvents, senders: Senders, catalogue: Catalogue, rng: np.random.Generator
) -> pa.Table:
    """Write steps as messages, in time order over all sessions.

    Args:
        events: `visit` holds rows of the senders.
        senders: of the events.
        catalogue: names of the products.
        rng: draws what carries no information about the shopper, such as the words of a query.

    Returns:
        A table with the columns of EVENTS.
    """
    order = np.lexsort((events.visit, events.event_ms))
    parts = [
        _write(take_rows(events, order[at : at + _ROWS_AT_ONCE]), senders, catalogue, rng)
        for at in range(0, order.size, _ROWS_AT_ONCE)
    ]
    return pa.Table.from_batches(parts, EVENTS)


def iso_time(event_ms: NDArray[np.int64]) -> pa.Array:
    """UTC milliseconds as ISO 8601 text.

    >>> iso_time(np.array([1_767_571_200_123]))[0].as_py()
    '2026-01-05T00:00:00.123Z'
    """
    return pc.replace_substring(
        pa.array(event_ms).cast(pa.timestamp("ms", "UTC")).cast(pa.string()), " ", "T"
    )


def _write(
    events: PathEvents, senders: Senders, catalogue: Catalogue, rng: np.random.Generator
) -> pa.RecordBatch:
    store = senders.baskets.store[events.visit]
    columns = [
        senders.session_id.take(pa.array(events.visit)),
        senders.experiment_id.take(pa.array(events.visit)),
        _take(STORE_MODES, store),
        iso_time(events.event_ms),
        _pages(events, store, catalogue),
        _names(events, senders.clients.is_earlier[events.visit]),
        _take(catalogue.product_id, events.product),
        pa.array(
            metadata_of(events, senders.clients, senders.baskets, catalogue, rng), pa.string()
        ),
        _take(USER_AGENTS, senders.clients.user_agent[events.visit]),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=EVENTS)


def _take(words: tuple[str, ...], at: NDArray[np.int64]) -> pa.Array:
    """Words by position; NULL for -1."""
    return pa.array(words, pa.string()).take(pa.array(at, mask=at < 0))


def _pages(events: PathEvents, store: NDArray[np.int64], catalogue: Catalogue) -> pa.Array:
    fixed = [f"/{mode}{place}" for mode in STORE_MODES for place in PLACES]
    of_store = np.repeat(np.arange(len(STORE_MODES)), catalogue.size)
    products = [
        f"/{STORE_MODES[shop]}/{name}"
        for shop, name in zip(of_store, catalogue.product_id, strict=True)
    ]
    place = PLACE_OF[events.move]
    on_product = (events.product >= 0) & (place == 1)
    return _take(
        (*fixed, *products),
        np.where(on_product, len(fixed) + events.product, store * len(PLACES) + place),
    )


def _names(events: PathEvents, is_earlier: NDArray[np.bool_]) -> pa.Array:
    return _take(_WORDS, _CODES[is_earlier.astype(np.int64), events.move, events.kind])


def _coded() -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """All names, and the position of the name for a vocabulary, move and kind."""
    names: list[str] = []
    code = np.zeros((2, len(Move), len(_HOVERS)), np.int64)
    for move, vocabularies in _NAMES.items():
        for vocabulary, kinds in enumerate(vocabularies):
            for kind, name in enumerate(kinds):
                code[vocabulary, move, kind] = len(names)
                names.append(name)
    return tuple(names), code


_WORDS, _CODES = _coded()
# Canonical names, those of the later client: every name, and the position of the name for a move
# and its kind.
EVENT_NAMES: Final = tuple(dict.fromkeys(_WORDS[code] for code in _CODES[0].ravel()))
NAME_OF: Final = np.array([EVENT_NAMES.index(_WORDS[code]) for code in _CODES[0].ravel()]).reshape(
    _CODES[0].shape
)
