"""The frontier: whether a target is reachable, and the best that known classes allow."""

from dataclasses import replace

import numpy as np
import pytest

from phantom_core.core.errors import DataError
from phantom_core.policy_learning.demand_curves import DemandCurves
from phantom_core.policy_learning.frontier import parse_frontier
from phantom_core.policy_learning.known_classes import class_prices, price_of_agents
from phantom_core.policy_learning.payoff import candidate_ratios, measure_payoff
from phantom_core.policy_learning.target import Target, judge_target
from tests.policy_learning.samples import TRUE, drawn_sample, figures, frontier_sample

RATIOS = candidate_ratios(0.7, 1.5)


def test_the_usual_target_is_out_of_reach_and_says_what_the_most_is() -> None:
    verdict = frontier_sample().verdict
    assert not verdict.by_rules
    assert not verdict.by_known_classes
    assert "out of reach of every policy" in verdict.says
    assert "leakage −30 % costs at least −2.7 % [−3.7, −1.7] of revenue" in verdict.says
    assert "the most revenue that any policy takes is +8.7 % [+7.7, +9.7]" in verdict.says
    assert "leakage +254 %" in verdict.says


def test_a_modest_target_is_within_reach_of_rules_or_of_known_classes_alone() -> None:
    learned, known = [figures(-0.035, -0.33)], [figures(-0.02, -0.31)]
    assert judge_target(Target(0.3, -0.04), learned, known).by_rules
    alone = judge_target(Target(0.3, -0.03), learned, known)
    assert (alone.by_rules, alone.by_known_classes) == (False, True)
    assert "a better classifier could" in alone.says
    harmful = judge_target(Target(0.3, -0.04, human_conversion_loss=0.001), learned, known)
    assert not harmful.by_rules


def test_agents_spend_most_at_a_discount_and_base_prices_are_best_at_lambda_one() -> None:
    """Revenue r / (1 + r^5) is highest at 4^(−1/5) = 0.758; with λ = 1 leakage outweighs it."""
    assert class_prices(TRUE, RATIOS, 1.2, 0.0).agent == pytest.approx(4 ** (-1 / 5), abs=0.006)
    assert class_prices(TRUE, RATIOS, 1.2, 0.5).agent == pytest.approx(0.89, abs=0.011)
    assert class_prices(TRUE, RATIOS, 1.2, 1.0).agent == pytest.approx(1.0, abs=0.02)
    assert class_prices(TRUE, RATIOS, 1.2, 3.0).agent > 1.1
    assert class_prices(TRUE, RATIOS, 1.2, 3.0).human == 1.0
    eager = DemandCurves(2.5, 0.0, 5.0, 0.0)
    assert class_prices(eager, RATIOS, 1.2, 3.0).human < 1.0


def test_the_price_of_agents_recovers_what_is_asked() -> None:
    sample = drawn_sample(500, 1)
    payoff = measure_payoff(sample, TRUE, RATIOS, 1.2, is_corrected=False)
    at_least = price_of_agents(payoff, -0.3, is_at_least=True)
    nearest = price_of_agents(payoff, -0.3)
    change = (1.2 - at_least) / 0.2 * 2 / (1 + at_least**5) - 1
    assert change <= -0.3
    assert abs(nearest - at_least) <= 0.0101
    np.testing.assert_allclose(price_of_agents(payoff, 0.0), 1.0)


def test_a_frontier_reads_back_and_damage_is_named() -> None:
    found = frontier_sample()
    assert parse_frontier(found.to_file(), "x") == found
    assert replace(found, points=()).of_kind("learned") == ()
    with pytest.raises(DataError, match=r"frontiers/x\.json cannot be read"):
        parse_frontier(b"{}", "frontiers/x.json")
