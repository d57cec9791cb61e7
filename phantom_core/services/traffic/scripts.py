"""Scripts: generated sessions as lists of events, replayed in real time against unknown prices.

The events before the end of a session do not depend on prices, so they are scripted; the purchase
is decided when the price is known. Scripts are generated at prices near 0, at which every shopper
who considers a product buys it, so each contains the way to a purchase; a shopper who rejects the
price leaves before its end.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from phantom_core.shoppers.catalogue import demo_catalogue
from phantom_core.shoppers.families import FAMILIES, Family
from phantom_core.shoppers.generate import Generated, generate_sessions
from phantom_core.shoppers.quotes import Quoted, QuoteRequest

PURCHASES: Final = ("purchase_complete", "purchase")
BATCH_SESSIONS: Final = 300
_NEXT_TO_NOTHING: Final = 1e-6
_EVENT: Final = ("storeMode", "page", "eventName", "productId", "userAgent")


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a script.

    Attributes:
        after_ms: time since the session began, milliseconds.
        fields: storeMode, page, eventName, productId and userAgent, where present.
        metadata: further values; prices in it are placeholders for quoted ones.
    """

    after_ms: int
    fields: Mapping[str, str]
    metadata: Mapping[str, object]

    @property
    def product(self) -> str:
        """The viewed product; empty for none."""
        return self.fields.get("productId", "")

    @property
    def shows_price(self) -> bool:
        """Whether it shows the product's price."""
        return "price" in self.metadata

    @property
    def is_purchase(self) -> bool:
        """Whether it is a purchase."""
        return self.fields["eventName"] in PURCHASES


@dataclass(frozen=True, slots=True)
class Script:
    """One session.

    Attributes:
        session_id: a new one.
        store_mode: hotel, airline or shop.
        family: of the shopper.
        lines: in time order, the first at 0 ms.
        wanted: the product that is bought at an acceptable price; empty for none.
    """

    session_id: str
    store_mode: str
    family: Family
    lines: tuple[Line, ...]
    wanted: str


class _NearlyFree:
    """Prices at which every shopper buys."""

    def __call__(self, request: QuoteRequest, rng: np.random.Generator) -> Quoted:
        """Almost 0 for each request."""
        return Quoted(request.base_price * _NEXT_TO_NOTHING, np.full(request.visit.size, np.nan))


def base_prices() -> dict[str, float]:
    """Base price of every product in scripts."""
    catalogue = demo_catalogue()
    return dict(zip(catalogue.product_id, catalogue.base_price.tolist(), strict=True))


def session_scripts(seed: int) -> Iterator[Script]:
    """Endless sessions, in an order independent of the shoppers.

    Args:
        seed: of the shoppers and their events; ids are new every time.
    """
    while True:
        rng = np.random.default_rng(seed)
        written = list(_written(generate_sessions(BATCH_SESSIONS, seed, quote=_NearlyFree())))
        yield from (written[place] for place in rng.permutation(len(written)).tolist())
        seed += 1


def _written(shop: Generated) -> Iterator[Script]:
    families = {family.name: family for family in FAMILIES}
    family_of = dict(
        zip(shop.labels["session"].to_pylist(), shop.labels["family"].to_pylist(), strict=True)
    )
    for name, rows in _by_session(shop.events).items():
        lines = tuple(_line(row, rows[0]["ms"]) for row in rows)
        wanted = next((line.product for line in lines if line.is_purchase), "")
        yield Script(
            f"live-{uuid.uuid4().hex}",
            str(rows[0]["storeMode"]),
            families[family_of[name]],
            lines,
            wanted,
        )


def _by_session(events: pa.Table) -> dict[str, list[dict[str, str | int]]]:
    moment = pc.cast(
        pc.strptime(pc.utf8_replace_slice(events["ts"], 19, 24, ""), "%Y-%m-%dT%H:%M:%S", "ms"),
        pa.int64(),
    )
    rest = pc.cast(pc.utf8_slice_codeunits(events["ts"], 20, 23), pa.int64())
    rows: dict[str, list[dict[str, str | int]]] = {}
    for row in events.append_column("ms", pc.add(moment, rest)).to_pylist():
        rows.setdefault(row["sessionId"], []).append(row)
    return rows


def _line(row: Mapping[str, str | int], start_ms: str | int) -> Line:
    fields = {name: str(value) for name in _EVENT if (value := row[name]) is not None}
    return Line(int(row["ms"]) - int(start_ms), fields, orjson.loads(str(row["metadata"] or "{}")))
