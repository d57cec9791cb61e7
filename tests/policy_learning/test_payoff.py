"""Payoff: closed forms by the curves; unbiased where they are wrong and prices were drawn."""

import numpy as np
import pytest

from phantom_core.market.calibration.sensitivity import Choices
from phantom_core.policy_learning.demand_curves import DemandCurves, assumed_demand, fit_demand
from phantom_core.policy_learning.payoff import (
    AGENT_REVENUE,
    HUMAN_REVENUE,
    HUMAN_UNITS,
    LEAKAGE,
    candidate_ratios,
    measure_payoff,
)
from phantom_core.policy_learning.policy_figures import Judge
from phantom_core.policy_learning.quote_sample import QuoteSample
from tests.policy_learning.samples import ARMS, TRUE, drawn_sample

RATIOS = candidate_ratios(0.7, 1.5)


def choices(sample: QuoteSample) -> Choices:
    return Choices(np.log(sample.ratio), sample.bought, sample.p_agent, sample.actor)


def test_one_human_and_one_agent_bring_what_the_curves_say() -> None:
    sample = drawn_sample(400, 1)
    payoff = measure_payoff(sample, TRUE, RATIOS, 1.2, is_corrected=False)
    at_base, higher = (payoff.expected(np.full(400, one)) for one in (1.0, 1.1))
    human, agent = sample.p_agent == 0, sample.p_agent == 1
    np.testing.assert_allclose(at_base[human][:, HUMAN_REVENUE], sample.base_price[human] / 2)
    np.testing.assert_allclose(at_base[agent][:, AGENT_REVENUE], sample.base_price[agent] / 2)
    np.testing.assert_allclose(at_base[agent][:, LEAKAGE], 0.2 * sample.base_price[agent] / 2)
    assert (at_base[human][:, [AGENT_REVENUE, LEAKAGE]] == 0).all()
    np.testing.assert_allclose(higher[human][:, HUMAN_UNITS], 1 / (1 + 1.1**2))
    np.testing.assert_allclose(
        payoff.totals(payoff.position(np.full(400, 1.1))), higher.sum(axis=0)
    )


def test_wrong_curves_are_corrected_by_drawn_prices_and_not_without() -> None:
    wrong, sample = DemandCurves(0.5, 1.0, 1.0, -1.0), drawn_sample(60_000, 2)
    true = measure_payoff(sample, TRUE, RATIOS, 1.2, is_corrected=False)
    for ratio in ARMS[1:4]:
        asked = np.full(len(sample), ratio)
        truth = true.expected(asked).sum(axis=0)
        found = {
            is_corrected: measure_payoff(sample, wrong, RATIOS, 1.2, is_corrected=is_corrected)
            .expected(asked)
            .sum(axis=0)
            for is_corrected in (False, True)
        }
        off = {name: np.abs(one[truth > 0] / truth[truth > 0] - 1) for name, one in found.items()}
        assert off[True].max() < 0.06
        assert off[False].max() > 0.2


def test_intercepts_are_left_out_unless_the_data_speak_against_it() -> None:
    plain = fit_demand(choices(drawn_sample(4_000, 3)))
    assert plain.curves.human_intercept == plain.curves.agent_intercept == 0
    assert abs(plain.curves.human_slope - 2) < 3 * np.sqrt(plain.covariance[0, 0])
    eager = fit_demand(choices(drawn_sample(4_000, 3, DemandCurves(2.0, 1.0, 5.0, -1.0))))
    assert eager.curves.human_intercept == pytest.approx(1, abs=0.3)
    assert eager.curves.agent_intercept == pytest.approx(-1, abs=0.4)


def test_intervals_hold_the_truth_with_fitted_curves() -> None:
    """Revenue at ×1.1 for all, by curves and doubly robust, in at least 9 of 10 logs."""
    hits = np.zeros(2)
    for seed in range(20):
        sample = drawn_sample(800, 100 + seed)
        truth = Judge.of(
            sample, assumed_demand(2.0, 5.0), RATIOS, 1.2, np.random.default_rng(seed)
        ).figures(np.full(800, 1.1))
        judge = Judge.of(
            sample, fit_demand(choices(sample)), RATIOS, 1.2, np.random.default_rng(seed)
        )
        found = judge.figures(np.full(800, 1.1))
        assert found.doubly_robust is not None
        for at, changes in enumerate((found.by_curves, found.doubly_robust)):
            hits[at] += changes.revenue.low <= truth.by_curves.revenue.value <= changes.revenue.high
    assert hits.min() >= 18


def test_base_prices_change_nothing_and_a_policy_differs_from_itself_by_nothing() -> None:
    sample = drawn_sample(600, 5)
    judge = Judge.of(sample, assumed_demand(2.0, 5.0), RATIOS, 1.2, np.random.default_rng(0))
    found = judge.figures(np.ones(600))
    assert found.by_curves.revenue.value == found.by_curves.leakage.high == 0
    assert found.human_premium.value == found.humans_marked_up == 0
    same = judge.difference(np.full(600, 1.1), np.full(600, 1.1))
    assert same.revenue.low == same.revenue.high == 0
