"""Elasticity of each product: percent change in purchases per percent change in price, by day.

A log-log regression for counts: `log E[purchases] = a + e · log price`, fitted by maximum
likelihood (Poisson), since most quotes are not bought and the logarithm of 0 does not exist.

Source: Santos Silva and Tenreyro 2006, The log of gravity, for Poisson regression in place of least
squares on logarithms.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints

DAY_MS: Final = 86_400_000
LEAST_PURCHASES: Final = 10
LEAST_SPREAD: Final = 0.01
_MOST: Final = 50.0
_STEPS: Final = 40
_LONGEST_STEP: Final = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Elasticities:
    """Of several products, arrays of shape (n_products,).

    Attributes:
        value: elasticity; NaN where it is not identified.
        standard_error: of it.
        n_purchases: purchases behind the estimate, count.
    """

    value: Floats
    standard_error: Floats
    n_purchases: Floats


def estimate_elasticities(
    product: Ints, log_price: Floats, bought: NDArray[np.bool_], n_products: int
) -> Elasticities:
    """Fit one elasticity per product.

    Args:
        product: of each quote, 0 to n_products − 1, shape (n_quotes,).
        log_price: natural logarithm of the price quoted, shape (n_quotes,).
        bought: whether it was bought, shape (n_quotes,).
        n_products: count.
    Returns:
        NaN for products with fewer than 10 purchases, or whose price hardly varied.
    """
    # A shift changes nothing, and keeps exponentials small.
    log_price = log_price - _means(product, log_price, n_products)[product]
    n_bought = np.asarray(np.bincount(product, bought, n_products), np.float64)
    total = np.bincount(product, bought * log_price, n_products)
    value = np.full(n_products, -1.0)
    spread = np.zeros(n_products)
    for _ in range(_STEPS):
        mean, spread = _weighted_moments(product, log_price, value, n_products)
        slope = total - n_bought * mean
        with np.errstate(invalid="ignore", divide="ignore"):
            step = np.clip(
                np.nan_to_num(slope / (n_bought * spread)), -_LONGEST_STEP, _LONGEST_STEP
            )
        value = np.clip(value + step, -_MOST, _MOST)
    known = (n_bought >= LEAST_PURCHASES) & (spread > LEAST_SPREAD**2) & (np.abs(value) < _MOST)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = 1.0 / np.sqrt(n_bought * spread)
    return Elasticities(np.where(known, value, np.nan), np.where(known, error, np.nan), n_bought)


def _weighted_moments(
    product: Ints, log_price: Floats, value: Floats, n_products: int
) -> tuple[Floats, Floats]:
    """Mean and variance of the log price of each product, weighted by the fitted means."""
    weight = np.exp(np.clip(value[product] * log_price, -_MOST, _MOST))
    total = np.maximum(np.bincount(product, weight, n_products), 1e-300)
    mean = np.bincount(product, weight * log_price, n_products) / total
    return mean, np.bincount(product, weight * (log_price - mean[product]) ** 2, n_products) / total


def elasticity_at(product: Ints, price: Floats, quote_ms: Ints, purchase_ms: Floats) -> Floats:
    """Elasticity of each offer's product, from what was quoted and bought by the midnight before.

    Args:
        product: numbers from 0, −1 for none, shape (n,).
        price: currency, NaN where unknown, shape (n,).
        quote_ms: UTC milliseconds, shape (n,).
        purchase_ms: when it was bought, NaN where it was not, shape (n,).
    Returns:
        Shape (n,), NaN where it was not identified by then.
    """
    found = np.full(product.size, np.nan)
    usable = (product >= 0) & (price > 0)
    n_products = int(product.max(initial=-1)) + 1
    logs = np.log(np.where(usable, price, 1.0))
    day = quote_ms // DAY_MS
    for today in np.unique(day[usable]):
        past = usable & (day < today)
        if past.any():
            bought = purchase_ms[past] < today * DAY_MS
            by_product = estimate_elasticities(product[past], logs[past], bought, n_products).value
            at = usable & (day == today)
            found[at] = by_product[product[at]]
    return found


def _means(product: Ints, values: Floats, n_products: int) -> Floats:
    """Mean of each product, shape (n_products,); 0 where it has no row."""
    return np.asarray(
        np.bincount(product, values, n_products)
        / np.maximum(np.bincount(product, minlength=n_products), 1)
    )
