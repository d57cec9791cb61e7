"""Elasticities: recovered where prices and purchases vary, NULL elsewhere, without lookahead."""

import numpy as np

from phantom_core.features.offers.elasticity import DAY_MS, elasticity_at, estimate_elasticities


def quotes(
    rng: np.random.Generator, elasticity: float, n: int = 6_000
) -> tuple[np.ndarray, np.ndarray]:
    """Log prices and purchases of one product."""
    log_price = np.log(100.0) + np.log(rng.choice([0.7, 0.85, 1.0, 1.2, 1.4], n))
    return log_price, rng.random(n) < 0.1 * np.exp(elasticity * (log_price - np.log(100.0)))


def test_a_known_elasticity_lies_within_two_standard_errors() -> None:
    log_price, bought = quotes(np.random.default_rng(1), -2.0)
    found = estimate_elasticities(np.zeros(log_price.size, np.int64), log_price, bought, 1)
    assert abs(found.value[0] + 2.0) < 2 * found.standard_error[0]
    assert 0.05 < found.standard_error[0] < 0.3


def test_two_prices_have_a_closed_form() -> None:
    log_price = np.repeat(np.log([1.0, 2.0]), [100, 100])
    bought = np.arange(200) % 100 < np.repeat([40, 10], [100, 100])
    found = estimate_elasticities(np.zeros(200, np.int64), log_price, bought, 1)
    assert np.isclose(found.value[0], np.log(10 / 40) / np.log(2.0), atol=1e-6)
    assert np.isclose(found.standard_error[0], np.sqrt(1 / 40 + 1 / 10) / np.log(2.0), atol=1e-6)


def test_one_price_or_few_purchases_identify_nothing() -> None:
    product = np.repeat([0, 1], 100)
    log_price = np.concatenate([np.zeros(100), np.tile(np.log([1.0, 2.0]), 50)])
    bought = np.concatenate([np.ones(100), np.arange(100) < 5]).astype(bool)
    assert np.isnan(estimate_elasticities(product, log_price, bought, 2).value).all()


def test_an_offer_knows_only_what_was_bought_by_the_midnight_before() -> None:
    rng = np.random.default_rng(2)
    log_price, bought = quotes(rng, -2.0, 2_000)
    quote_ms = np.arange(2_000) * (2 * DAY_MS // 2_000)
    purchase_ms = np.where(bought, quote_ms + 1.0, np.nan)
    product = np.zeros(2_000, np.int64)
    found = elasticity_at(product, np.exp(log_price), quote_ms, purchase_ms)
    assert np.isnan(found[:1_000]).all()
    assert np.isfinite(found[1_000:]).all()
    changed = np.where(quote_ms >= DAY_MS, np.nan, purchase_ms)
    assert np.array_equal(
        elasticity_at(product, np.exp(log_price), quote_ms, changed), found, equal_nan=True
    )
