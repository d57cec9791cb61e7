"""Offers: each product a session was quoted, with its features at the quote and its outcome."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Final, Literal, get_args

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.core.errors import DataError
from phantom_core.core.registry import choose_named
from phantom_core.features import catalogue
from phantom_core.features.aggregate import SCOPE, features_at_moments
from phantom_core.features.offers.elasticity import elasticity_at, estimate_elasticities
from phantom_core.features.offers.product_features import product_names

Moments = Literal["first_quote", "before_cart"]
MOMENTS: Final[tuple[Moments, ...]] = get_args(Moments)
RELATIONS: Final = ("events", "quotes", "catalogue")
OFFER: Final = (
    "session_key",
    "product_id",
    "store_mode",
    "quote_ms",
    "price",
    "base_price",
    "propensity",
)
COLUMNS: Final = (
    "scope_key",
    *OFFER,
    "price_ratio",
    "bought",
    "purchase_ms",
    *catalogue.feature_names(),
    *(name for name in product_names() if name not in OFFER),
)


def moments_named(name: str | None) -> Moments | None:
    """A kind of moment by its name; None stays None.

    Raises:
        InputError: there is no such kind.
    """
    return None if name is None else choose_named("choice of moments", name, MOMENTS)


def usual_moments(connection: duckdb.DuckDBPyConnection) -> Moments:
    """First quotes where quotes are recorded; else each session before its first cart.

    Args:
        connection: has the relation `quotes`.
    """
    [(n_quotes,)] = connection.sql("SELECT COUNT(*) FROM quotes").fetchall()
    return "first_quote" if n_quotes else "before_cart"


def read_offers(
    connection: duckdb.DuckDBPyConnection, moments: Moments, *, most: int | None = None
) -> pa.Table:
    """Read all offers with their features as of the millisecond before, and their outcomes.

    Args:
        connection: has the relations RELATIONS.
        moments: what an offer is.
        most: take whole sessions at random until there are about this many offers; None means all.
    Returns:
        One row per offer, ordered by session_key and quote_ms: scope_key, the columns of OFFER,
        price_ratio (NULL without a base price), bought, purchase_ms, session features (NULL where
        nothing had happened yet) and product features.
    Raises:
        DataError: there is no offer.
    """
    offers = _numbered(connection, moments, most)
    if not offers.num_rows:
        raise DataError(
            "No product was ever shown at a price.",
            hint="Load quotes, or events that name a product and its price.",
        )
    return _with_elasticity(describe_offers(connection, offers)).select(list(COLUMNS))


def describe_offers(connection: duckdb.DuckDBPyConnection, offers: pa.Table) -> pa.Table:
    """Features of offers at their moment, and their outcomes.

    Args:
        connection: has the relations RELATIONS.
        offers: scope_key, the columns of OFFER and is_any_product, one row per offer.
    Returns:
        The same rows with all columns of COLUMNS but price_elasticity, which needs the outcomes of
        all other offers.
    """
    connection.register("offers", offers)
    try:
        relations = [
            connection.sql(_sql(name)).to_arrow_table()
            for name in ("outcomes", "product_demand", "stay_dates")
        ]
        found = _joined(offers, relations)
        found = _with_catalogue(found, connection.sql("SELECT * FROM catalogue").to_arrow_table())
        return _with_session(found, connection)
    finally:
        connection.unregister("offers")


def session_offers(
    connection: duckdb.DuckDBPyConnection, moments: Moments, session_id: str
) -> pa.Table:
    """Offers of one session, in the order of their moments; none for a session that is not there.

    Args:
        connection: has the relations RELATIONS.
        moments: what an offer is.
        session_id: the session.
    Returns:
        As of `describe_offers`.
    """
    number = "ROW_NUMBER() OVER (ORDER BY quote_ms, product_id) - 1 AS scope_key"
    [(key,)] = connection.execute(
        "SELECT ANY_VALUE(session_key) FROM events WHERE session_id = ?", [session_id]
    ).fetchall()
    own = "SELECT * FROM (" + _sql(f"offers_{moments}") + ") WHERE session_key = $1"
    offers = connection.sql(
        f"SELECT {number}, * FROM ({own}) ORDER BY scope_key", params=[key]
    ).to_arrow_table()
    return describe_offers(connection, offers)


def _numbered(
    connection: duckdb.DuckDBPyConnection, moments: Moments, most: int | None
) -> pa.Table:
    """Offers in order, with scope_key; sampled by a hash of the session, so repeatably."""
    relation = _sql(f"offers_{moments}")
    [(n_offers,)] = connection.sql(f"SELECT COUNT(*) FROM ({relation})").fetchall()
    sampled = (
        f"WHERE HASH(session_key) % 1000000 < {int(1e6 * most / n_offers)}"
        if most and n_offers > most
        else ""
    )
    number = "ROW_NUMBER() OVER (ORDER BY session_key, quote_ms, product_id) - 1 AS scope_key"
    return connection.sql(
        f"SELECT {number}, * FROM ({relation}) {sampled} ORDER BY scope_key"
    ).to_arrow_table()


def _joined(offers: pa.Table, relations: Sequence[pa.Table]) -> pa.Table:
    """Offers with the columns of relations of one row per scope."""
    for relation in relations:
        names = [name for name in relation.column_names if name != "scope_key"]
        offers = _take_from(offers, relation, offers["scope_key"], relation["scope_key"], names)
    return offers.append_column("bought", pc.is_valid(offers["purchase_ms"]))


def _take_from(
    to: pa.Table, table: pa.Table, wanted: pa.ChunkedArray, key: pa.ChunkedArray, names: list[str]
) -> pa.Table:
    """Columns of another table by key; NULL where it has no such row."""
    at = pc.index_in(wanted, value_set=key.combine_chunks())
    for name in names:
        to = to.append_column(name, table[name].take(at))
    return to


def _with_catalogue(offers: pa.Table, products: pa.Table) -> pa.Table:
    known = products.select(["n_amenities", "is_refundable", "competitor_price"]).append_column(
        "listed_price", products["base_price"]
    )
    names = known.column_names
    found = _take_from(offers, known, offers["product_id"], products["product_id"], names)
    base = pc.coalesce(found["base_price"], found["listed_price"])
    base = pc.if_else(pc.greater(base, 0.0), base, pa.scalar(None, pa.float64()))
    priced = pc.if_else(
        pc.greater(found["price"], 0.0), found["price"], pa.scalar(None, pa.float64())
    )
    found = found.set_column(found.column_names.index("base_price"), "base_price", base)
    found = found.append_column("price_ratio", pc.divide(priced, base))
    found = found.append_column(
        "competitor_price_diff", pc.subtract(pc.divide(found["competitor_price"], base), 1.0)
    )
    return found.drop_columns(["listed_price", "competitor_price", "is_any_product"])


def _with_elasticity(offers: pa.Table) -> pa.Table:
    product = (
        pc.fill_null(offers["product_id"].combine_chunks().dictionary_encode().indices, -1)
        .to_numpy()
        .astype(np.int64)
    )
    found = elasticity_at(
        product,
        _numbers(offers["price"]),
        offers["quote_ms"].to_numpy(),
        _numbers(offers["purchase_ms"]),
    )
    return offers.append_column("price_elasticity", pa.array(found, from_pandas=True))


def product_elasticities(offers: pa.Table) -> pa.Table:
    """Elasticity of each product from all offers.

    Returns:
        One row per product with a price: product_id, elasticity and standard_error (NULL where not
        identified), n_offers, n_purchases.
    """
    priced = offers.filter(
        pc.and_(
            pc.is_valid(offers["product_id"]), pc.fill_null(pc.greater(offers["price"], 0.0), False)
        )
    )
    encoded = priced["product_id"].combine_chunks().dictionary_encode()
    product, n = encoded.indices.to_numpy().astype(np.int64), len(encoded.dictionary)
    found = estimate_elasticities(
        product, np.log(_numbers(priced["price"])), priced["bought"].to_numpy().astype(np.bool_), n
    )
    return pa.table(
        {
            "product_id": encoded.dictionary,
            "elasticity": pa.array(found.value, from_pandas=True),
            "standard_error": pa.array(found.standard_error, from_pandas=True),
            "n_offers": np.bincount(product, minlength=n),
            "n_purchases": found.n_purchases.astype(np.int64),
        }
    )


def _with_session(offers: pa.Table, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Session features from the events before the offer."""
    as_of_ms = pc.subtract(offers["quote_ms"], 1)
    scope = pa.table(
        {
            "scope_key": offers["scope_key"],
            "session_key": offers["session_key"],
            "as_of_ms": as_of_ms,
        },
        SCOPE,
    )
    known = features_at_moments(connection, scope)
    return _take_from(
        offers, known, offers["scope_key"], known["scope_key"], list(catalogue.feature_names())
    )


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(pc.fill_null(pc.cast(column, pa.float64()), np.nan).to_numpy(), np.float64)


def _sql(relation: str) -> str:
    return (
        files("phantom_core.features.offers")
        .joinpath("sql", f"{relation}.sql")
        .read_text(encoding="utf-8")
    )
