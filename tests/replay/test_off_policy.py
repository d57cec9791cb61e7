"""Off-policy value: identified where prices were drawn, and near the true value in simulations."""

from dataclasses import replace

import numpy as np
import pytest

from phantom_core.replay.off_policy import OffPolicyValue, off_policy_value, paired_difference
from phantom_core.replay.quotes import Quotes
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


def log(
    ratio: np.ndarray, base: np.ndarray, *, unit: float, session: np.ndarray | None = None
) -> Quotes:
    """A log of rounded prices, each drawn with a probability of a third."""
    n = ratio.size
    rows = np.arange(n) if session is None else session
    return replace(
        quotes(rows.tolist(), np.ones(n).tolist(), propensity=1 / 3),
        price=np.round(ratio * base / unit) * unit,
        base_price=base,
    )


def test_whole_unit_prices_are_matched_by_the_ratio_that_was_drawn() -> None:
    rng, n = np.random.default_rng(7), 3_000
    ratio, base = ARMS[rng.integers(0, 3, n)], rng.integers(40, 200, n).astype(float)
    units = (rng.random(n) < 1 / (1 + ratio**3)).astype(float)
    sessions = resampler(session_index([0.0] * n))
    found = off_policy_value(
        log(ratio, base, unit=1.0), units, np.full(n, 1.2), np.zeros(n), None, sessions
    )
    assert found.tried == (0.8, 1.0, 1.2)
    assert found.problem == ""
    assert found.matched == (ratio == 1.2).sum()
    assert found.inverse_propensity is not None
    own = (units * np.round(ratio * base))[ratio == 1.2]
    assert found.inverse_propensity.value == pytest.approx(3 * own.sum() / n)


def test_propensities_that_do_not_belong_to_the_prices_are_refused() -> None:
    rng, n = np.random.default_rng(8), 3_000
    ratio = ARMS[rng.choice(3, n, p=[0.5, 0.4, 0.1])]
    units = (rng.random(n) < 0.3).astype(float)
    found = off_policy_value(
        log(ratio, np.full(n, 100.0), unit=0.01),
        units,
        np.full(n, 1.2),
        np.zeros(n),
        None,
        resampler(session_index([0.0] * n)),
    )
    assert "propensities do not belong to the recorded prices" in found.problem
    assert found.inverse_propensity is None


def lose(found: Quotes, rng: np.random.Generator, chance: np.ndarray | float) -> Quotes:
    lost = rng.random(found.session.size) < chance
    return replace(found, propensity=np.where(lost, NAN, found.propensity))


def test_lost_propensities_do_not_lower_the_revenue_of_a_session() -> None:
    rng, n = np.random.default_rng(9), 6_000
    session = np.arange(n) // 3
    ratio = ARMS[rng.integers(0, 3, n)]
    units = (rng.random(n) < 1 / (1 + ratio**3)).astype(float)
    kept = log(ratio, np.full(n, 100.0), unit=0.01, session=session)
    sessions = resampler(session_index([0.0] * (n // 3)))
    whole, part = (
        off_policy_value(one, units, np.full(n, 1.2), np.zeros(n), None, sessions)
        for one in (kept, lose(kept, rng, 0.3))
    )
    assert whole.inverse_propensity is not None and part.inverse_propensity is not None
    assert part.inverse_propensity.value == pytest.approx(whole.inverse_propensity.value, rel=0.08)
    assert part.logged is not None and whole.logged is not None
    assert part.logged.value == pytest.approx(whole.logged.value, rel=0.05)


def test_propensities_lost_where_more_was_bought_are_refused() -> None:
    rng, n = np.random.default_rng(10), 6_000
    ratio = ARMS[rng.integers(0, 3, n)]
    units = (rng.random(n) < 0.4).astype(float)
    kept = log(ratio, np.full(n, 100.0), unit=0.01, session=np.arange(n) // 3)
    found = off_policy_value(
        lose(kept, rng, 0.1 + 0.4 * units),
        units,
        np.full(n, 1.2),
        np.zeros(n),
        None,
        resampler(session_index([0.0] * (n // 3))),
    )
    assert "do not stand for whole sessions" in found.problem
    assert found.logged is None


def test_a_paired_difference_is_narrower_than_two_intervals() -> None:
    rng, n = np.random.default_rng(11), 4_000
    ratio = ARMS[rng.integers(0, 3, n)]
    units = (rng.random(n) < 1 / (1 + ratio**3)).astype(float)
    found = log(ratio, np.full(n, 100.0), unit=0.01)
    sessions, nobody = resampler(session_index([0.0] * n)), np.zeros(n)
    first = np.full(n, 1.0)
    second = np.where(np.arange(n) < n // 20, 1.2, 1.0)
    between = paired_difference(found, units, (second, first), nobody, None, sessions)
    alone = off_policy_value(found, units, second, nobody, None, sessions).inverse_propensity
    assert between is not None and alone is not None
    assert between.high - between.low < 0.5 * (alone.high - alone.low)
    same = paired_difference(found, units, (first, first), nobody, None, sessions)
    assert same is not None and (same.low, same.value, same.high) == (0.0, 0.0, 0.0)
    untried = np.full(n, 1.1)
    assert paired_difference(found, units, (untried, first), nobody, None, sessions) is None
