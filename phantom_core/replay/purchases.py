"""Purchases: products bought in a period, with prices, channels and quotes."""

from dataclasses import dataclass, fields, replace

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.events.schema import STORE_MODES
from phantom_core.market.calibration.add_to_cart_quotes import SessionIndex
from phantom_core.replay.period import Period
from phantom_core.replay.quotes import (
    Quotes,
    code_values,
    number_column,
    read_sql,
    real_column,
    rows_of,
)


@dataclass(frozen=True, slots=True, eq=False)
class Purchases:
    """Products bought in a period, arrays of shape (n_purchases,).

    Attributes:
        session: row of the sessions.
        event_ms: UTC milliseconds.
        product: position in `products`; -1 where it is not named.
        store: position in STORE_MODES.
        channel: position in `channels`; -1 where no event named a referrer.
        quote: row of the quotes; -1 where it was never quoted, or before the period.
        units: how many.
        price: of one unit, currency; NaN where unknown.
        base_price: of one unit, currency; NaN where unknown.
    """

    session: Ints
    event_ms: Ints
    product: Ints
    store: Ints
    channel: Ints
    quote: Ints
    units: Floats
    price: Floats
    base_price: Floats
    products: tuple[str, ...]
    channels: tuple[str, ...]

    def __getitem__(self, rows: NDArray[np.bool_]) -> "Purchases":
        arrays = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if field.name not in ("products", "channels")
        }
        return replace(self, **arrays)

    @property
    def revenue(self) -> Floats:
        """Units times price; NaN where the price is unknown."""
        return self.units * self.price

    @property
    def is_priced(self) -> NDArray[np.bool_]:
        """Whether price and base price are known, so that leakage is defined."""
        return np.asarray(~np.isnan(self.price) & ~np.isnan(self.base_price))


def read_purchases(
    connection: duckdb.DuckDBPyConnection, sessions: SessionIndex, quotes: Quotes, period: Period
) -> Purchases:
    """Read the purchases of a period.

    Args:
        connection: has the views `events` and `quotes`.
        sessions: index of their sessions.
        quotes: of the same period.
        period: when they were made.
    """
    period.register(connection)
    table = connection.sql(read_sql("purchases")).to_arrow_table()
    session, known = rows_of(sessions, number_column(table["session_key"]))
    table, session = table.filter(pa.array(known)), session[known]
    product, products = code_values(table["product_id"])
    channel, channels = code_values(table["channel"])
    base, price = real_column(table["base_price"]), real_column(table["price"])
    return Purchases(
        session=session,
        event_ms=number_column(table["event_ms"]),
        product=product,
        store=np.asarray(
            pc.index_in(table["store_mode"], value_set=pa.array(STORE_MODES)).to_numpy(), np.int64
        ),
        channel=channel,
        quote=_rows_of_quotes(quotes, table["quote_id"]),
        units=real_column(table["units"]),
        price=price,
        base_price=np.where(base > 0, base, np.nan),
        products=products,
        channels=channels,
    )


def units_by_quote(purchases: Purchases, n_quotes: int) -> Floats:
    """Units that each quote sold, shape (n_quotes,)."""
    sold = purchases.quote >= 0
    return np.bincount(purchases.quote[sold], purchases.units[sold], minlength=n_quotes).astype(
        np.float64
    )


def _rows_of_quotes(quotes: Quotes, quote_id: pa.ChunkedArray) -> Ints:
    order = np.argsort(quotes.event_id)
    wanted = np.asarray(quote_id.fill_null(0).to_numpy(), np.int64)
    if not order.size:
        return np.full(wanted.size, -1)
    row = order[np.minimum(np.searchsorted(quotes.event_id[order], wanted), order.size - 1)]
    found = (quotes.event_id[row] == wanted) & quote_id.is_valid().to_numpy()
    return np.where(found, row, -1)
