"""Variance reduction, sample ratio and interference."""

import numpy as np
import pytest

from phantom_core.experiments.confidence_sequence import Contrast, design_effect
from phantom_core.experiments.interference import measure_interference
from phantom_core.experiments.prediction import FIRST_FIT, predict_outcome
from phantom_core.experiments.sample_ratio import sample_ratio_p


def test_what_was_known_before_narrows_the_interval_and_moves_nothing() -> None:
    rng, n = np.random.default_rng(21), 40_000
    known = rng.normal(size=(n, 2))
    arm = rng.random(n) < 0.1
    outcome = 10 + 3 * known[:, 0] + rng.normal(size=n) + arm * 1.0
    at = np.array([n - 1])
    plain, less = (
        Contrast.of(outcome, arm, 0.1, predicted=one).difference(at, 0.05, n)
        for one in (None, predict_outcome(outcome, known))
    )
    assert (less[2] - less[1]) < 0.5 * (plain[2] - plain[1])
    assert less[1] < 1.0 < less[2]
    assert plain[1] < 1.0 < plain[2]


def test_a_prediction_reads_earlier_sessions_only() -> None:
    rng, n = np.random.default_rng(22), 5_000
    known, outcome = rng.normal(size=(n, 1)), rng.normal(size=n)
    before = predict_outcome(outcome, known)
    outcome[2 * FIRST_FIT :] += 100.0
    assert predict_outcome(outcome, known)[: 2 * FIRST_FIT] == pytest.approx(
        before[: 2 * FIRST_FIT]
    )
    assert not before[:FIRST_FIT].any()


def test_sessions_of_one_actor_are_not_as_many_observations() -> None:
    rng = np.random.default_rng(23)
    of_actor = rng.normal(size=3_000)
    alike = np.repeat(of_actor, 4)
    assert design_effect(alike, np.repeat(np.arange(3_000), 4))[-1] == pytest.approx(4.0, rel=0.1)
    assert design_effect(alike, None)[-1] == 1.0
    alone = rng.normal(size=12_000)
    assert design_effect(alone, np.repeat(np.arange(3_000), 4))[-1] == pytest.approx(1.0, abs=0.1)


def test_a_sample_ratio_looked_at_every_session_is_rarely_wrong() -> None:
    rng = np.random.default_rng(24)
    found = [
        sample_ratio_p((rng.random(5_000) < 0.1).astype(np.int64), (0.9, 0.1)) for _ in range(300)
    ]
    assert sum(one < 0.05 for one in found) / 300 <= 0.05
    lost = (rng.random(20_000) < 0.085).astype(np.int64)
    assert sample_ratio_p(lost, (0.9, 0.1)) < 1e-3


def test_a_purchase_after_another_arm_is_interference() -> None:
    arm = np.array([0, 1, 1, 0, 0])
    actor = np.array([1, 2, 1, 3, 1])
    found = measure_interference(arm, actor, np.array([0.0, 1.0, 1.0, 1.0, 1.0]))
    assert (found.actors, found.purchases, found.share, found.is_large) == (1, 2, 0.5, True)
    assert measure_interference(arm[:0], actor[:0], np.array([])).share == 0.0
