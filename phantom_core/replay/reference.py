"""Reference prices: what an agent's purchase should have cost, by each of three conventions."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import duckdb
import numpy as np

from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.errors import DataError
from phantom_core.core.leakage_terms import USUAL_TERMS, LeakageTerms
from phantom_core.market.calibrate import choices_of
from phantom_core.market.calibration.add_to_cart_quotes import (
    SessionIndex,
    check_variation,
    read_add_to_cart_quotes,
)
from phantom_core.market.calibration.sensitivity import measure_sensitivities
from phantom_core.market.demand import purchase_probability
from phantom_core.replay.purchases import Purchases
from phantom_core.replay.quotes import Quotes

ReferenceName = Literal["constant", "clean_quote", "optimal"]
REFERENCES: Final[tuple[ReferenceName, ...]] = get_args(ReferenceName)
# A clean price needs at least this many human quotes.
FEWEST_HUMANS: Final = 5.0
_GRID: Final = 2_001


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One convention.

    Attributes:
        name: constant, clean_quote or optimal.
        says: its description with figures, one phrase.
        ratio: reference price over base price of each purchase, shape (n_purchases,); NaN where
            there is none.
        problem: why it is not available, one sentence; empty where it is.
    """

    name: ReferenceName
    says: str
    ratio: Floats
    problem: str = ""


def reference_prices(
    connection: duckdb.DuckDBPyConnection,
    sessions: SessionIndex,
    quotes: Quotes,
    purchases: Purchases,
    terms: LeakageTerms = USUAL_TERMS,
) -> tuple[Reference, ...]:
    """All three reference prices of some purchases.

    Args:
        connection: has the views `events` and `quotes`; the optimal price is fitted on all of them.
        sessions: index of the sessions, with labels or probabilities.
        quotes: of the purchases' period.
        purchases: what was bought.
        terms: hold the constant reference price.
    """
    return (
        constant_reference(purchases, terms),
        clean_quote(sessions, quotes, purchases),
        optimal_reference(connection, sessions, purchases),
    )


def constant_reference(purchases: Purchases, terms: LeakageTerms = USUAL_TERMS) -> Reference:
    """A multiple of the base price, as the settings have it."""
    return Reference(
        "constant",
        f"×{terms.reference_ratio:.2f} of the base price",
        np.full(purchases.session.size, terms.reference_ratio),
    )


def clean_quote(sessions: SessionIndex, quotes: Quotes, purchases: Purchases) -> Reference:
    """Mean price quoted to humans with the same interest: the same product in the cart.

    Where fewer than FEWEST_HUMANS of them were quoted a price, all humans that were shown the
    product count; else all humans that put anything in the cart.
    """
    human = 1.0 - sessions.best_known[quotes.session]
    usable = ~np.isnan(human) & ~np.isnan(quotes.ratio)
    if human[usable].sum() < FEWEST_HUMANS:
        problem = (
            "Too few humans were quoted a price with a known base price to say what a "
            f"clean quote is: {human[usable].sum():.0f}."
        )
        return Reference(
            "clean_quote",
            "what humans with the same interest were quoted",
            np.full(purchases.session.size, np.nan),
            problem,
        )
    ratio, human, product, in_cart = (
        quotes.ratio[usable],
        human[usable],
        quotes.product[usable],
        quotes.went_to_cart[usable],
    )
    wanted = _positions(purchases, quotes)
    found = _mean_of_product(ratio, human * in_cart, product, len(quotes.products))
    of_all = _mean_of_product(ratio, human, product, len(quotes.products))
    found = np.where(np.isnan(found), of_all, found)
    [usual] = _mean_of_product(ratio, human * in_cart, np.zeros_like(product), 1)
    [overall] = _mean_of_product(ratio, human, np.zeros_like(product), 1)
    by_purchase = np.where(wanted >= 0, np.append(found, np.nan)[wanted], np.nan)
    by_purchase = np.where(
        np.isnan(by_purchase), overall if np.isnan(usual) else usual, by_purchase
    )
    says = (
        "what humans with the same interest were quoted, "
        f"×{float(np.average(ratio, weights=human)):.2f} of the base price on average"
    )
    return Reference("clean_quote", says, by_purchase)


def optimal_reference(
    connection: duckdb.DuckDBPyConnection, sessions: SessionIndex, purchases: Purchases
) -> Reference:
    """The price ratio with the highest expected revenue under the fitted demand curves."""
    says = "the revenue-optimal price under the fitted demand curves"
    try:
        ratio = _best_ratio(connection, sessions)
    except DataError as error:
        return Reference("optimal", says, np.full(purchases.session.size, np.nan), error.message)
    return Reference(
        "optimal", f"{says}, ×{ratio:.2f} of the base price", np.full(purchases.session.size, ratio)
    )


def _best_ratio(connection: duckdb.DuckDBPyConnection, sessions: SessionIndex) -> float:
    if np.isnan(sessions.best_known).all():
        raise DataError(
            "Neither labels nor a trained classifier give the class of a session, so no demand "
            "curve can be fitted."
        )
    check_variation(connection)
    in_cart, choices = choices_of(sessions, read_add_to_cart_quotes(connection, sessions))
    fitted = measure_sensitivities(
        choices, float(in_cart.was_randomised.mean()) if in_cart.visit.size else 0.0
    )
    grid = np.linspace(fitted.lowest_ratio, fitted.highest_ratio, _GRID)
    share = float(choices.p_agent.mean())
    human, agent = (
        purchase_probability(grid, one.value.value) for one in (fitted.human, fitted.agent)
    )
    return float(grid[np.argmax(grid * ((1.0 - share) * human + share * agent))])


def _mean_of_product(ratio: Floats, weight: Floats, product: Ints, n_products: int) -> Floats:
    """Weighted mean ratio of each product; NaN with too few human quotes."""
    total = np.bincount(product, weight, minlength=n_products)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(product, weight * ratio, minlength=n_products) / total
    return np.where(total >= FEWEST_HUMANS, mean, np.nan)


def _positions(purchases: Purchases, quotes: Quotes) -> Ints:
    """Position of each purchase's product among the quoted ones; -1 for none."""
    known = {name: position for position, name in enumerate(quotes.products)}
    of_product = np.array([*(known.get(name, -1) for name in purchases.products), -1])
    return of_product[purchases.product]


def leakage_of(purchases: Purchases, reference: Reference, ratio: Floats | None = None) -> Floats:
    """Leakage of each purchase if an agent made it: shortfall to the reference price, currency.

    Args:
        purchases: what was bought.
        reference: what it should have cost.
        ratio: another price over base price than the recorded one, shape (n_purchases,); None means
            the recorded price.
    Returns:
        Shape (n_purchases,); 0 where a price is unknown: such purchases are counted separately.
    """
    price = purchases.price if ratio is None else ratio * purchases.base_price
    short = purchases.units * np.maximum(0.0, reference.ratio * purchases.base_price - price)
    return np.asarray(np.where(np.isnan(short), 0.0, short))
