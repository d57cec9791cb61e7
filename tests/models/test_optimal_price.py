"""Optimal prices: closed forms, guard rails, and the λ that changes nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_core.core.errors import InputError
from phantom_core.core.limits import GuardRails
from phantom_core.models.optimal_price import (
    PricingObjective,
    expected_revenue,
    objective_named,
    optimal_prices,
)

WIDE = GuardRails(0.5, 2.0)
USUAL = GuardRails(0.7, 1.5)


def linear(ratios: np.ndarray) -> np.ndarray:
    """P(buy) falls from 1 at 0 to 0 at twice the base price: revenue is best at the base price."""
    return np.clip(1.0 - ratios / 2.0, 0.0, 1.0)


def test_linear_demand_is_priced_in_the_middle() -> None:
    found = optimal_prices(PricingObjective(WIDE), linear, np.zeros(3))
    assert np.allclose(found.ratio, 1.0, atol=0.01)
    assert np.allclose(found.revenue, 0.5, atol=1e-3)
    assert not found.is_at_guard_rail.any()


def test_leakage_of_an_agent_moves_the_price_to_the_closed_form() -> None:
    # (1 − r/2)(r − λ(ref − r)) with λ = 0.5, ref = 1.2 is largest at r = (2(1 + λ) + λ ref) / (2(1
    # + λ)) = 1.2.
    found = optimal_prices(PricingObjective(WIDE), linear, np.ones(1))
    assert found.ratio[0] == pytest.approx(1.2, abs=0.01)


def test_prices_stay_within_the_guard_rails_and_report_it() -> None:
    found = optimal_prices(PricingObjective(GuardRails(0.7, 0.9)), linear, np.zeros(1))
    assert found.ratio[0] == pytest.approx(0.9)
    assert found.is_at_guard_rail[0]


@given(weight=st.floats(0, 10), p_agent=st.floats(0, 1), steepness=st.floats(0.5, 8))
def test_the_weight_changes_nothing_in_the_objective_as_first_written(
    weight: float, p_agent: float, steepness: float
) -> None:
    def demand(ratios: np.ndarray) -> np.ndarray:
        return 1.0 / (1.0 + ratios**steepness)

    agent = np.array([p_agent])
    with_weight, without = (
        optimal_prices(
            PricingObjective(USUAL, leakage_weight=chosen, objective="as_first_written"),
            demand,
            agent,
        )
        for chosen in (weight, 0.0)
    )
    # The factor scales the whole curve, so the best price is the same but for the last digits of
    # equal values.
    assert with_weight.revenue[0] == pytest.approx(without.revenue[0], rel=1e-9)


def test_expected_money_by_hand() -> None:
    revenue, leakage, value = expected_revenue(
        PricingObjective(USUAL), np.array([[0.8, 1.3]]), np.array([[0.5, 0.2]]), np.array([0.5])
    )
    assert np.allclose(revenue, [[0.4, 0.26]])
    assert np.allclose(leakage, [[0.5 * 0.5 * 0.4, 0.0]])
    assert np.allclose(value, [[0.4 - 0.5 * 0.1, 0.26]])


def test_an_objective_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match="below 0"):
        PricingObjective(USUAL, leakage_weight=-1.0)
    with pytest.raises(InputError, match="There is no objective 'profit'"):
        objective_named("profit")
