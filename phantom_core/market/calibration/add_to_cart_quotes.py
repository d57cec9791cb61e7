"""Add-to-cart quotes: prices of products added to the cart, and whether they were bought."""

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import duckdb
import numpy as np
from numpy.typing import NDArray

from phantom_core.core.errors import DataError
from phantom_core.market.calibration.confounding import confounded

RELATIONS: Final = ("events", "quotes")
HINT: Final = (
    "Show products at randomised multiples of their base price, log the price and "
    "base_price of every quote, and load that log."
)
_REJECTION: Final = "No price variation: sensitivity is not identified; "


@dataclass(frozen=True, slots=True, eq=False)
class SessionIndex:
    """Sessions of the lake, arrays of shape (n_sessions,).

    Attributes:
        session_key: ascending.
        start_ms, end_ms: first and last event, UTC milliseconds.
        actor: number of the actor, from 0; confidence intervals resample actors.
        label: 1 for an agent, 0 for a human, NaN without a label.
        p_agent: calibrated probability of an agent, NaN without a model.
        model: version of the model that gave p_agent; empty without one.
    """

    session_key: NDArray[np.int64]
    start_ms: NDArray[np.int64]
    end_ms: NDArray[np.int64]
    actor: NDArray[np.int64]
    label: NDArray[np.float64]
    p_agent: NDArray[np.float64]
    model: str = ""

    @property
    def best_known(self) -> NDArray[np.float64]:
        """The label where there is one, else P(agent), else NaN."""
        return np.where(np.isnan(self.label), self.p_agent, self.label)


@dataclass(frozen=True, slots=True, eq=False)
class AddToCartQuotes:
    """Quotes of products in the cart, arrays of shape (n,).

    Attributes:
        visit: row of the sessions.
        quote_ms: UTC milliseconds.
        ratio: price over base price; NaN without a base price.
        base_price: currency; NaN where it was not logged.
        bought: whether it was bought.
        was_randomised: whether an experiment chose the price.
    """

    visit: NDArray[np.int64]
    quote_ms: NDArray[np.int64]
    ratio: NDArray[np.float64]
    base_price: NDArray[np.float64]
    bought: NDArray[np.bool_]
    was_randomised: NDArray[np.bool_]

    def __getitem__(self, rows: NDArray[np.bool_]) -> "AddToCartQuotes":
        return AddToCartQuotes(
            self.visit[rows],
            self.quote_ms[rows],
            self.ratio[rows],
            self.base_price[rows],
            self.bought[rows],
            self.was_randomised[rows],
        )


def read_add_to_cart_quotes(
    connection: duckdb.DuckDBPyConnection, sessions: SessionIndex
) -> AddToCartQuotes:
    """Read the add-to-cart quotes of the lake.

    Args:
        connection: has the views `events` and `quotes`.
        sessions: quotes of any other session are left out.
    """
    found = connection.sql(_sql("add_to_cart_quotes")).fetchnumpy()
    key = np.asarray(found["session_key"], np.int64)
    row = np.minimum(
        np.searchsorted(sessions.session_key, key), max(sessions.session_key.size - 1, 0)
    )
    known = sessions.session_key[row] == key if sessions.session_key.size else np.zeros(0, np.bool_)
    price, base = (
        np.ma.filled(np.ma.asarray(found[name], np.float64), np.nan)
        for name in ("price", "base_price")
    )
    base = np.where((base > 0) & (price > 0), base, np.nan)
    return AddToCartQuotes(
        visit=row,
        quote_ms=np.asarray(found["quote_ms"], np.int64),
        ratio=price / base,
        base_price=base,
        bought=np.asarray(found["bought"], np.bool_),
        was_randomised=np.asarray(found["was_randomised"], np.bool_),
    )[known]


def check_variation(connection: duckdb.DuckDBPyConnection) -> None:
    """Reject prices from which price sensitivity cannot be estimated: that never varied, or that
    followed demand.

    Args:
        connection: has the views `events` and `quotes`.
    Raises:
        DataError: prices never varied within a product, or base prices are unknown.
            The message says what was found.
    """
    relation = connection.sql(_sql("price_variation"))
    [values] = relation.fetchall()
    found = dict(zip(relation.columns, values, strict=True))
    if not found["n_quotes"]:
        seen = (
            f"no quotes are loaded, and of {found['n_products_seen']:,} products with a price "
            "in their events "
        )
        raise DataError(
            f"{_REJECTION}{seen}{found['n_seen_varied']:,} were ever seen at two prices.", hint=HINT
        )
    if not found["n_rated"]:
        raise DataError(
            f"{_REJECTION}none of {found['n_quotes']:,} quotes has a base price.", hint=HINT
        )
    if not found["n_varied"]:
        span = (
            f"between {found['lowest_ratio']:.2f} and {found['highest_ratio']:.2f} of the base "
            "price"
        )
        raise DataError(
            f"{_REJECTION}{found['n_rated']:,} quotes of {found['n_products']:,} products lie "
            f"{span}, none of which had two prices.",
            hint=HINT,
        )
    times = connection.sql(_sql("price_times")).fetchnumpy()
    reason = confounded(
        np.asarray(times["event_ms"], np.int64),
        np.asarray(times["deviation"], np.float64),
        np.asarray(times["was_randomised"], np.float64),
    )
    if reason:
        raise DataError(f"Sensitivity is not identified. {reason}", hint=HINT)


def _sql(relation: str) -> str:
    return (
        files("phantom_core.market.calibration")
        .joinpath(f"{relation}.sql")
        .read_text(encoding="utf-8")
    )
