"""Intervals that hold at every moment, checked against simulations with known effects."""

import numpy as np
import pytest

from phantom_core.core.errors import InputError
from phantom_core.experiments.confidence_sequence import Contrast, sequence_radius
from phantom_core.experiments.experiment_size import Baseline, size_of, smallest_effect

ALPHA = 0.05


def sales(
    rng: np.random.Generator, n: int, *, rate: float = 0.1, lift: float = 0.0, share: float = 0.5
) -> Contrast:
    """Sessions that buy at a rate, more or less often in the new arm."""
    is_treated = rng.random(n) < share
    outcome = (rng.random(n) < rate * np.where(is_treated, 1 + lift, 1.0)).astype(np.float64)
    return Contrast.of(outcome, is_treated, share)


def test_the_radius_is_tightest_where_it_was_planned() -> None:
    n = np.array([1_000.0])
    widths = [float(sequence_radius(n, ALPHA, planned)[0]) for planned in (250.0, 1_000.0, 4_000.0)]
    assert widths[1] == min(widths)
    assert widths[1] < 1.6 * 1.96 / np.sqrt(1_000)


def test_the_estimate_is_the_difference_of_the_means() -> None:
    outcome = np.array([1.0, 0.0, 1.0, 1.0] * 500)
    is_treated = np.array([True, False, True, False] * 500)
    found = Contrast.of(outcome, is_treated, 0.5)
    at = np.array([outcome.size - 1])
    assert float(found.difference(at, ALPHA, 2_000)[0][0]) == pytest.approx(0.5, abs=0.01)
    assert float(found.relative(at, ALPHA, 2_000)[0][0]) == pytest.approx(1.0, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.2])
def test_peeking_all_the_time_finds_false_effects_no_more_often_than_stated(
    share: float,
) -> None:
    rng, at = np.random.default_rng(1), np.arange(400, 20_000, 50)
    wrong = 0
    for _ in range(200):
        _, low, high = sales(rng, 20_000, share=share).difference(at, ALPHA, 20_000)
        wrong += bool(((low > 0) | (high < 0)).any())
    assert wrong / 200 <= ALPHA


def test_intervals_of_the_ratio_hold_the_true_value_at_every_moment() -> None:
    rng, at = np.random.default_rng(2), np.arange(1_000, 20_000, 50)
    missed = 0
    for _ in range(200):
        _, low, high = sales(rng, 20_000, lift=0.3).relative(at, ALPHA, 20_000)
        missed += bool(((low > 0.3) | (high < 0.3)).any())
    assert missed / 200 <= ALPHA


def test_the_planned_number_of_sessions_has_the_requested_power() -> None:
    rng = np.random.default_rng(3)
    baseline = Baseline(0.1, 0.3, 1_000.0)
    size = size_of(baseline, 0.2, (0.5, 0.5), power=0.8)
    assert size.sessions > size.sessions_once
    assert size.days == pytest.approx(size.sessions / 1_000)
    at = np.array([size.sessions - 1])
    seen = sum(
        sales(rng, size.sessions, lift=0.2).difference(at, ALPHA, size.sessions)[1][0] > 0
        for _ in range(300)
    )
    assert seen / 300 == pytest.approx(0.8, abs=0.08)


def test_a_fixed_horizon_matches_the_textbooks() -> None:
    # Two proportions of 10 % and 11 %, 5 % two-sided, 80 %: about 14,100 to 14,800 an arm by any
    # table.
    assert size_of(Baseline(0.1, 0.3), 0.1, (0.5, 0.5)).sessions_once == pytest.approx(
        2 * 14_128, rel=0.01
    )


def test_more_arms_take_more_sessions_and_the_smallest_effect_is_the_other_way_round() -> None:
    baseline = Baseline(0.1, 0.3)
    two, three = size_of(baseline, 0.1, (0.5, 0.5)), size_of(baseline, 0.1, (0.4, 0.3, 0.3))
    assert three.sessions > two.sessions
    assert smallest_effect(baseline, two.sessions, (0.5, 0.5)) == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize(
    ("baseline", "effect", "shares", "message"),
    [
        (Baseline(0.0, 0.0), 0.1, (0.5, 0.5), "nothing to compare with"),
        (Baseline(0.1, 0.3), 0.0, (0.5, 0.5), "cannot be detected"),
        (Baseline(0.1, 0.3), 0.1, (1.0,), "two arms or more"),
        (Baseline(0.1, 0.3), 1e-6, (0.5, 0.5), "so small an effect"),
    ],
)
def test_an_impossible_plan_is_refused_with_the_reason(
    baseline: Baseline, effect: float, shares: tuple[float, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        size_of(baseline, effect, shares)
