"""A challenger is promoted only when significant, and within its gates."""

import numpy as np
import pytest
from numpy.typing import NDArray

from phantom_core.core.errors import InputError
from phantom_core.core.estimate import Estimate
from phantom_core.monitoring.challenger_evaluation import (
    ComparedFigure,
    HeldOut,
    PromotionGate,
    check_promotion_gates,
    compare_figure,
    decide_promotion,
    mean_of_actors,
    rule_named,
)


def figure(low: float, high: float, name: str = "agent_roc_auc") -> ComparedFigure:
    middle = (low + high) / 2
    return ComparedFigure(name, 0.9, 0.9 + middle, Estimate(middle, low, high))


@pytest.mark.parametrize(
    ("low", "high", "rule", "is_promoted", "reason"),
    [
        (0.001, 0.02, "better", True, "significantly better"),
        (-0.001, 0.02, "better", False, "not significantly better"),
        (-0.001, 0.02, "not_worse", True, "not worse by more than 0.01"),
        (-0.02, 0.02, "not_worse", False, "not significantly within 0.01"),
        (-0.03, -0.02, "not_worse", False, "not significantly within"),
    ],
)
def test_without_significance_the_champion_stays(
    low: float, high: float, rule: str, is_promoted: bool, reason: str
) -> None:
    found = decide_promotion([figure(low, high)], [], rule_named(rule), 0.01)
    assert found.is_promoted is is_promoted
    assert reason in found.why


def test_a_missed_gate_goes_before_every_victory() -> None:
    found = decide_promotion(
        [figure(0.1, 0.2)], [PromotionGate("agent_roc_auc", 0.88, 0.9)], "better", 0.01
    )
    assert not found.is_promoted
    assert (
        found.why
        == "The challenger misses a gate: agent roc auc is 0.880, at least 0.9 is required."
    )


def test_a_gate_may_be_the_most_that_is_allowed() -> None:
    assert PromotionGate("agent_calibration_error", 0.05, 0.1, is_most=True).is_met
    assert not PromotionGate("agent_calibration_error", 0.15, 0.1, is_most=True).is_met


def test_being_significantly_worse_in_another_figure_loses() -> None:
    found = decide_promotion(
        [figure(0.01, 0.02), figure(-0.2, -0.1, "agent_log_likelihood")], [], "better", 0.01
    )
    assert not found.is_promoted
    assert "significantly worse in agent log likelihood" in found.why


def test_without_a_champion_the_gates_decide() -> None:
    alone = ComparedFigure("agent_roc_auc", None, 0.95, None)
    assert decide_promotion(
        [alone], [PromotionGate("agent_roc_auc", 0.95, 0.9)], "better", 0.01
    ).is_promoted
    assert not decide_promotion(
        [alone], [PromotionGate("agent_roc_auc", 0.85, 0.9)], "better", 0.01
    ).is_promoted


def test_a_rule_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="no promotion rule 'best'"):
        rule_named("best")


def rows(challenger: NDArray[np.float64], champion: NDArray[np.float64] | None = None) -> HeldOut:
    """Two hundred sessions, two by each actor, every other actor an agent."""
    actor = np.repeat(np.arange(100), 2)
    return HeldOut(actor % 2 == 1, actor, champion, challenger)


def test_an_oracle_is_significantly_better_than_a_coin_and_a_copy_is_exactly_as_good() -> None:
    rng = np.random.default_rng(1)
    oracle, coin = np.where(rows(np.empty(200)).positive, 0.9, 0.1), rng.random(200)
    ranked, likely = compare_figure(rows(oracle, coin), "agent", rng)
    assert ranked.difference is not None and likely.difference is not None
    assert ranked.challenger == 1 and ranked.difference.low > 0 and likely.difference.low > 0
    ranked, likely = compare_figure(rows(coin, coin), "agent", rng)
    assert ranked.difference == Estimate(0, 0, 0) == likely.difference


def test_gates_are_measured_on_the_challenger() -> None:
    oracle = np.where(rows(np.empty(200)).positive, 0.9, 0.1)
    limits = {"roc_auc": 0.9, "precision_at_recall_80": 0.85, "calibration_error": 0.05}
    found = {
        gate.name: gate
        for gate in check_promotion_gates(rows(oracle), "agent", limits, np.random.default_rng(1))
    }
    assert found["agent_roc_auc"].value == found["agent_precision_at_recall_80"].value == 1
    assert found["agent_calibration_error"].value == pytest.approx(0.1)
    assert not found["agent_calibration_error"].is_met


def test_actors_are_resampled_and_not_their_sessions() -> None:
    # One actor with a hundred equal sessions counts as much as one with a single session.
    actor = np.concatenate([np.zeros(100, np.int64), np.arange(1, 11)])
    values = np.concatenate([np.ones(100), np.zeros(10)])
    found = mean_of_actors(values, actor, np.random.default_rng(1))
    assert found.low == 0 and found.high > 0.95
