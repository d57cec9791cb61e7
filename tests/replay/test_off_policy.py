"""Off-policy value: identified where prices were drawn, and near the true value in simulations."""

import numpy as np
import pytest

from phantom_core.replay.off_policy import OffPolicyValue, off_policy_value
from phantom_core.replay.revenue_model import RevenueModel, fit_revenue
from tests.replay.shop import NAN, quotes, resampler, session_index

N = 400
ARMS = np.array([0.8, 1.0, 1.2])


def value(
    markup: float | np.ndarray,
    *,
    propensity: float = 1 / 3,
    seed: int = 0,
    model: RevenueModel | None = None,
) -> tuple[OffPolicyValue, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    ratio = ARMS[rng.integers(0, 3, N)]
    shown = quotes(list(range(N)), ratio.tolist(), propensity=propensity)
    units = (rng.random(N) < 1 / (1 + ratio**3)).astype(float)
    sessions = session_index([0.0] * N)
    target = np.broadcast_to(np.asarray(markup, float), (N,))
    return (
        off_policy_value(shown, units, target, np.zeros(N), model, resampler(sessions)),
        ratio,
        units,
    )


def test_the_recorded_prices_are_worth_the_recorded_revenue() -> None:
    rng = np.random.default_rng(0)
    found, ratio, units = value(ARMS[rng.integers(0, 3, N)], propensity=1.0)
    assert found.logged is not None and found.logged.value == pytest.approx(
        (100 * ratio * units).mean()
    )
    assert found.inverse_propensity is not None and found.inverse_propensity.value == pytest.approx(
        found.logged.value
    )
    assert (found.matched, found.effective, found.overlap) == (N, N, 1.0)


def test_one_price_for_all_is_worth_the_revenue_of_its_own_arm() -> None:
    found, ratio, units = value(1.2)
    own = (100 * ratio * units)[ratio == 1.2]
    assert found.inverse_propensity is not None and found.self_normalised is not None
    assert found.inverse_propensity.value == pytest.approx(3 * own.sum() / N)
    assert found.self_normalised.value == pytest.approx(own.mean())
    assert found.matched == own.size
    assert found.effective == pytest.approx(own.size)


def test_a_price_that_was_never_tried_is_not_identified_and_named() -> None:
    found, *_ = value(1.1)
    assert found.inverse_propensity is found.self_normalised is found.doubly_robust is None
    assert (
        found.problem
        == "Not identified by inverse propensity: the rules ask ×1.10, which was never tried; "
        "tried were ×0.80, ×1.00, ×1.20."
    )


def test_prices_that_were_not_randomised_identify_nothing() -> None:
    found, *_ = value(1.0, propensity=NAN)
    assert (
        found.problem
        == "Not identified: 0 of 400 quotes were drawn by an experiment that recorded propensities."
    )
    assert found.logged is None
    assert "randomised" in found.hint


def test_a_wrong_model_does_not_mislead_the_doubly_robust_estimate() -> None:
    # Purchases do not depend on the price.
    wrong = RevenueModel(np.array([[0.0, 2.0], [0.0, 2.0]]), 1.0, 0.0)
    rng = np.random.default_rng(5)
    n = 40_000
    ratio = ARMS[rng.integers(0, 3, n)]
    units = (rng.random(n) < 1 / (1 + ratio**3)).astype(float)
    shown = quotes(list(range(n)), ratio.tolist(), propensity=1 / 3)
    found = off_policy_value(
        shown, units, np.full(n, 1.2), np.zeros(n), wrong, resampler(session_index([0.0] * n))
    )
    assert found.doubly_robust is not None
    assert found.doubly_robust.low < 120 / (1 + 1.2**3) < found.doubly_robust.high


def test_a_fitted_model_estimates_an_untried_price() -> None:
    rng = np.random.default_rng(6)
    n = 20_000
    ratio, is_agent = ARMS[rng.integers(0, 3, n)], rng.random(n) < 0.5
    units = (rng.random(n) < 1 / (1 + ratio ** np.where(is_agent, 5, 2))).astype(float)
    shown, sessions = (
        quotes(list(range(n)), ratio.tolist(), propensity=1 / 3),
        session_index(is_agent.astype(float).tolist()),
    )
    model = fit_revenue(shown, units, is_agent.astype(float), sessions.actor, rng)
    found = off_policy_value(
        shown, units, np.full(n, 1.1), is_agent.astype(float), model, resampler(sessions)
    )
    true = 110 * (0.5 / (1 + 1.1**2) + 0.5 / (1 + 1.1**5))
    assert found.problem and found.doubly_robust is not None
    assert found.doubly_robust.value == pytest.approx(true, rel=0.03)


def test_no_model_is_fitted_without_purchases() -> None:
    shown = quotes([0, 1], [1.0, 1.2])
    assert (
        fit_revenue(shown, np.zeros(2), np.zeros(2), np.arange(2), np.random.default_rng(0)) is None
    )
