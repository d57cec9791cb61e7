"""Quotes: every price that was shown in a period."""

from dataclasses import dataclass, fields, replace
from importlib.resources import files
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.events.schema import STORE_MODES
from phantom_core.lake.lake import Lake
from phantom_core.market.calibration.add_to_cart_quotes import SessionIndex
from phantom_core.replay.period import Period

RELATIONS: Final = ("events", "quotes")


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """Prices shown in a period, arrays of shape (n_quotes,), ordered by session and time.

    Attributes:
        session: row of the sessions.
        event_ms: UTC milliseconds.
        event_id: of the quote.
        product: position in `products`.
        store: position in STORE_MODES.
        price, base_price: currency; NaN without a base price.
        propensity: probability with which an experiment chose the price; NaN where none did.
        went_to_cart: whether the product was put in the cart afterwards.
        products: names, shape (n_products,).
    """

    session: Ints
    event_ms: Ints
    event_id: Ints
    product: Ints
    store: Ints
    price: Floats
    base_price: Floats
    propensity: Floats
    went_to_cart: NDArray[np.bool_]
    products: tuple[str, ...]

    def __getitem__(self, rows: NDArray[np.bool_]) -> "Quotes":
        arrays = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if field.name != "products"
        }
        return replace(self, **arrays)

    @property
    def ratio(self) -> Floats:
        """Price over base price; NaN without a base price."""
        return self.price / self.base_price


def connect_quotes(lake: Lake) -> duckdb.DuckDBPyConnection:
    """Connect with the views of RELATIONS, `quotes` including those of the pricing service."""
    connection = lake.connect((*RELATIONS, "decisions"))
    if lake.files("decisions"):
        connection.execute("ALTER VIEW quotes RENAME TO recorded_quotes")
        both = read_sql("quotes_and_decisions").replace(
            "FROM quotes AS q", "FROM recorded_quotes AS q"
        )
        connection.execute(f"CREATE VIEW quotes AS {both}")
    return connection


def read_quotes(
    connection: duckdb.DuckDBPyConnection, sessions: SessionIndex, period: Period
) -> Quotes:
    """Read the quotes of a period.

    Args:
        connection: has the views of RELATIONS.
        sessions: index of the sessions; quotes of others, which sent no event, are left out.
        period: when they were shown.
    """
    period.register(connection)
    table = connection.sql(read_sql("quotes")).to_arrow_table()
    session, known = rows_of(sessions, number_column(table["session_key"]))
    table, session = table.filter(pa.array(known)), session[known]
    product, products = code_values(table["product_id"])
    price, base = real_column(table["price"]), real_column(table["base_price"])
    return Quotes(
        session=session,
        event_ms=number_column(table["event_ms"]),
        event_id=number_column(table["event_id"]),
        product=product,
        store=np.asarray(
            pc.index_in(table["store_mode"], value_set=pa.array(STORE_MODES)).to_numpy(), np.int64
        ),
        price=price,
        base_price=np.where((base > 0) & (price > 0), base, np.nan),
        propensity=real_column(table["propensity"]),
        went_to_cart=real_column(table["went_to_cart"]) > 0,
        products=products,
    )


def read_sql(relation: str) -> str:
    """Text of the SQL file that yields a relation."""
    return files("phantom_core.replay").joinpath(f"{relation}.sql").read_text(encoding="utf-8")


def rows_of(sessions: SessionIndex, session_key: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Row of the sessions for each session key, and whether there is one."""
    if not sessions.session_key.size:
        return np.zeros(session_key.size, np.int64), np.zeros(session_key.size, np.bool_)
    row = np.minimum(
        np.searchsorted(sessions.session_key, session_key), sessions.session_key.size - 1
    )
    return row, sessions.session_key[row] == session_key


def code_values(column: pa.ChunkedArray) -> tuple[Ints, tuple[str, ...]]:
    """Texts as positions in a list of names; -1 for NULL."""
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(
        encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64
    ), tuple(encoded.dictionary.to_pylist())


def number_column(column: pa.ChunkedArray) -> Ints:
    """Whole numbers without NULL."""
    return np.asarray(column.to_numpy(), np.int64)


def real_column(column: pa.ChunkedArray) -> Floats:
    """Numbers, yes/no as 1/0, NULL as NaN."""
    return np.asarray(column.cast(pa.float64()).fill_null(np.nan).to_numpy(), np.float64)
