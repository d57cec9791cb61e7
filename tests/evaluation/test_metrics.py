"""Metrics of probabilities, counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_core.evaluation.metrics import (
    brier_score,
    calibration_bins,
    calibration_error,
    calibration_error_of_chance,
    confusion_counts,
)

# Two bins of two: 0.15 predicted and 0 observed, 0.7 predicted and 0.5 observed.
LABELS = np.array([False, False, True, False])
PROBABILITIES = np.array([0.1, 0.2, 0.9, 0.5])


def test_confusion_counts_labels_against_decisions() -> None:
    counted = confusion_counts(
        np.array([True, True, True, False, False]), np.array([True, True, False, True, False])
    )
    assert (
        counted.agents_found,
        counted.agents_missed,
        counted.humans_marked,
        counted.humans_left,
    ) == (2, 1, 1, 1)
    assert (counted.precision, counted.recall) == (2 / 3, 2 / 3)


def test_precision_of_marking_no_session_is_undefined() -> None:
    none = confusion_counts(np.array([True, False]), np.array([False, False]))
    assert (none.precision, none.recall) == (None, 0)
    assert confusion_counts(np.array([False]), np.array([True])).recall is None


def test_ece_is_the_mean_distance_of_prediction_and_share() -> None:
    assert calibration_error(
        calibration_bins(LABELS, PROBABILITIES, n_bins=2, n_least=1)
    ) == pytest.approx((0.15 + 0.2) / 2)


def test_bins_hold_the_same_number_of_sessions_in_order_of_probability() -> None:
    bins = calibration_bins(np.arange(3_000) % 2 == 0, np.linspace(1, 0, 3_000))
    assert [part.n_sessions for part in bins] == [200] * 15
    assert [part.probability for part in bins] == sorted(part.probability for part in bins)


def test_a_bin_holds_about_fifty_sessions_or_all() -> None:
    sizes = [
        part.n_sessions
        for part in calibration_bins(np.arange(170) % 2 == 0, np.linspace(0, 1, 170))
    ]
    assert sizes == [50, 50, 70]
    assert len(calibration_bins(LABELS, PROBABILITIES)) == 1


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(1, 9), st.integers(1, 9))
def test_equal_probabilities_share_a_bin(tenths: list[int], n_bins: int, n_least: int) -> None:
    probability = np.array(tenths) / 10
    bins = calibration_bins(probability > 0.2, probability, n_bins, n_least)
    assert sum(part.n_sessions for part in bins) == len(tenths)
    assert len({part.probability for part in bins}) == len(bins)
    ends = np.cumsum([part.n_sessions for part in bins])[:-1]
    assert (np.diff(np.sort(probability))[ends - 1] > 0).all()


def test_the_error_of_chance_is_what_calibrated_probabilities_show() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(1_500)
    observed = [calibration_error(calibration_bins(rng.random(1_500) < p, p)) for _ in range(100)]
    assert calibration_error_of_chance(p, rng) == pytest.approx(np.mean(observed), rel=0.1)


def test_certain_probabilities_have_no_error_of_chance() -> None:
    assert calibration_error_of_chance(np.array([0.0, 1.0, 1.0]), np.random.default_rng(0)) == 0


def test_the_interval_of_a_share_is_wilsons() -> None:
    (part,) = calibration_bins(np.array([True] * 5 + [False] * 5), np.full(10, 0.5), n_bins=1)
    assert (part.share_low, part.share_high) == (
        pytest.approx(0.2366, abs=1e-4),
        pytest.approx(0.7634, abs=1e-4),
    )
    (empty,) = calibration_bins(np.array([False] * 10), np.full(10, 0.1), n_bins=1)
    assert (empty.share_low, empty.share_high) == (
        pytest.approx(0),
        pytest.approx(0.2775, abs=1e-4),
    )


def test_brier_is_the_mean_squared_error() -> None:
    assert brier_score(LABELS, PROBABILITIES) == pytest.approx((0.01 + 0.04 + 0.01 + 0.25) / 4)
