"""Prices that followed demand are told from prices that did not."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from phantom_core.core.errors import DataError
from phantom_core.market.calibration.add_to_cart_quotes import check_variation
from phantom_core.market.calibration.confounding import DAY_MS, HOUR_MS, confounded, find_factors

DAYS = 28


def quotes(rng: np.random.Generator, n: int = 6_000) -> np.ndarray:
    """Times of quotes: busy at noon and in the evening, and at weekends."""
    hours = np.arange(DAYS * 24)
    busy = 1.0 + (np.isin(hours % 24, [11, 12, 13, 18, 19, 20])) + 0.5 * (hours // 24 % 7 >= 5)
    at = rng.choice(hours, n, p=busy / busy.sum())
    return np.sort(at * HOUR_MS + rng.integers(0, HOUR_MS, n))


def is_busy(event_ms: np.ndarray) -> np.ndarray:
    return np.isin(event_ms // HOUR_MS % 24, [11, 12, 13, 18, 19, 20])


@pytest.mark.parametrize(
    ("name", "followed"), [("busy", "how busy the hour was"), ("weekday", "the weekday")]
)
def test_prices_that_followed_demand_are_refused(name: str, followed: str) -> None:
    rng = np.random.default_rng(31)
    at = quotes(rng)
    high = is_busy(at) if name == "busy" else at // DAY_MS % 7 >= 5
    price = np.where(high, np.log(1.2), np.log(0.85)) + rng.normal(0, 0.05, at.size)
    reason = confounded(at, price - price.mean(), np.zeros(at.size))
    assert followed in reason
    assert confounded(at, price - price.mean(), np.ones(at.size)) == ""


def test_a_weak_response_to_demand_is_found_too() -> None:
    rng = np.random.default_rng(32)
    at = quotes(rng, 20_000)
    price = 0.05 * is_busy(at) + rng.choice(np.log([0.8, 1.0, 1.2]), at.size)
    assert "the hour of the day" in confounded(at, price - price.mean(), np.zeros(at.size))


def test_random_prices_without_propensities_are_rarely_refused() -> None:
    rng = np.random.default_rng(33)
    refused = 0
    for _ in range(100):
        at = quotes(rng, 2_000)
        price = rng.choice(np.log([0.8, 1.0, 1.2]), at.size)
        refused += bool(confounded(at, price, np.zeros(at.size)))
    assert refused <= 2


def test_prices_drawn_for_whole_days_are_not_refused() -> None:
    rng = np.random.default_rng(34)
    at = quotes(rng)
    price = rng.choice(np.log([0.8, 1.0, 1.2]), DAYS)[at // DAY_MS - at[0] // DAY_MS]
    assert not any(
        one.is_followed for one in find_factors(at, price) if one.name != "how busy the hour was"
    )


def test_a_few_prices_without_a_propensity_do_not_matter() -> None:
    rng = np.random.default_rng(35)
    at = quotes(rng)
    price = np.where(is_busy(at), 0.2, -0.15)
    known = (rng.random(at.size) < 0.97).astype(float)
    assert confounded(at, price, known) == ""


def test_busy_hour_prices_are_refused_where_sensitivities_are_measured() -> None:
    rng = np.random.default_rng(36)
    at = quotes(rng, 1_000)
    ratio = np.where(is_busy(at), 1.2, 0.85)
    table = pa.table(
        {
            "session_key": np.arange(at.size),
            "product_id": ["room"] * at.size,
            "event_ms": at,
            "event_id": np.arange(at.size),
            "price": 100 * ratio,
            "base_price": np.full(at.size, 100.0),
            "propensity": pa.nulls(at.size, pa.float64()),
        }
    )
    with duckdb.connect() as connection:
        connection.register("quotes", table)
        connection.execute(
            "CREATE TABLE events (product_id VARCHAR, price_seen DOUBLE, event_ms BIGINT)"
        )
        with pytest.raises(DataError, match="followed the hour of the day"):
            check_variation(connection)
