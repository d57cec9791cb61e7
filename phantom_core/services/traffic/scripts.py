"""Scripts: generated sessions written out line by line, to be acted in real time against prices
that nobody knows beforehand.

What a visit does before it ends does not depend on prices, so it is written down; whether it buys
is decided when the price is known. Scripts are generated at prices near 0, at which everybody who
considers a product buys it, so each holds the way to a purchase; who does not like the price leaves
before the end of it.
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
        after_ms: when, since the session began.
        fields: storeMode, page, eventName, productId and userAgent, those that it has.
        metadata: what the client tells beside; prices in it stand for those that will be quoted.
    """

    after_ms: int
    fields: Mapping[str, str]
    metadata: Mapping[str, object]

    @property
    def product(self) -> str:
        """The product looked at; empty for none."""
        return self.fields.get("productId", "")

    @property
    def shows_price(self) -> bool:
        """Whether a shopper sees the product's price with it."""
        return "price" in self.metadata

    @property
    def is_purchase(self) -> bool:
        """Whether it ends a sale."""
        return self.fields["eventName"] in PURCHASES


@dataclass(frozen=True, slots=True)
class Script:
    """One session.

    Attributes:
        session_id: a new one.
        store_mode: hotel, airline or shop.
        family: who shops.
        lines: in the order of time, the first at 0 ms.
        wanted: the product that is bought if its price is liked; empty for none.
    """

    session_id: str
    store_mode: str
    family: Family
    lines: tuple[Line, ...]
    wanted: str


class _NearlyFree:
    """Prices at which everybody buys."""

    def __call__(self, request: QuoteRequest, rng: np.random.Generator) -> Quoted:
        """Next to nothing for each question."""
        return Quoted(request.base_price * _NEXT_TO_NOTHING, np.full(request.visit.size, np.nan))


def base_prices() -> dict[str, float]:
    """Base price of every product that scripts look at."""
    catalogue = demo_catalogue()
    return dict(zip(catalogue.product_id, catalogue.base_price.tolist(), strict=True))


def session_scripts(seed: int) -> Iterator[Script]:
    """Sessions without end, in an order that has nothing to do with who shops.

    Args:
        seed: of who comes and what they do; ids are new every time.
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
