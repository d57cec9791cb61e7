"""Human purchases are told from agents' without bias, whatever the agents do."""

from dataclasses import replace

import numpy as np
import pytest

from phantom_core.core.errors import DataError, InputError
from phantom_core.experiments.comparison import Comparison, human_purchases
from phantom_core.experiments.experiment_size import Baseline, guard_sessions
from phantom_core.experiments.exposures import Exposed, Exposures
from phantom_core.experiments.human_purchases import ScoreMeans, measure_means
from phantom_core.experiments.report import build_report


def scores(rng: np.random.Generator, is_agent: np.ndarray) -> np.ndarray:
    """Scores that overlap: a fifth of the agents look like most humans."""
    return np.asarray(rng.beta(np.where(is_agent, 2.0, 1.0), np.where(is_agent, 1.0, 3.0)))


def labelled(rng: np.random.Generator, n: int = 2_000) -> ScoreMeans:
    is_agent = rng.random(n) < 0.4
    return measure_means(scores(rng, is_agent), is_agent, np.arange(n))


def compare(
    rng: np.random.Generator, *, humans: float, agents: float, n: int = 30_000
) -> Comparison:
    """An experiment that changes how many of each class buy."""
    arm = (rng.random(n) < 0.5).astype(np.int64)
    is_agent = rng.random(n) < 0.6
    lift = np.where(is_agent, agents, humans) * arm
    bought = (rng.random(n) < 0.2 * (1 + lift)).astype(np.float64)
    sessions = Exposures.plain(arm, np.arange(n), np.full(n, 0.4), bought, bought)
    found = Exposed(replace(sessions, score=scores(rng, is_agent)), 0, 0, labelled(rng))
    return build_report(
        found,
        ("control", "new"),
        (0.5, 0.5),
        metric="conversion",
        alpha=0.05,
        planned_sessions=n,
        tolerated_drop=0.02,
    ).comparisons[0]


def test_a_rule_that_only_agents_feel_is_not_stopped() -> None:
    rng = np.random.default_rng(11)
    found = [compare(rng, humans=0.0, agents=-0.6) for _ in range(20)]
    assert not any(one.is_guard_tripped for one in found)
    assert np.mean([one.human.value for one in found]) == pytest.approx(0.0, abs=0.02)
    assert sum(one.human.low <= 0.0 <= one.human.high for one in found) >= 19


def test_a_loss_of_humans_is_found_however_agents_react() -> None:
    rng = np.random.default_rng(12)
    for agents in (-0.6, 0.0, 0.6):
        found = compare(rng, humans=-0.3, agents=agents)
        assert found.is_guard_tripped
        assert found.human.low < -0.3 < found.human.high


def test_a_purchase_with_a_label_needs_no_score() -> None:
    sessions = Exposures.plain(
        np.zeros(3, np.int64), np.arange(3), np.full(3, 0.5), np.ones(3), np.ones(3)
    )
    known = replace(sessions, label=np.array([0.0, 1.0, np.nan]), score=np.array([0.9, 0.1, 0.3]))
    means = ScoreMeans(0.2, 0.7, 0.05, 100, 100)
    assert human_purchases(known, means).tolist() == pytest.approx([1.0, 0.0, 0.8])
    assert human_purchases(known, None).tolist() == [0.5, 0.5, 0.5]


def test_without_labels_that_tell_them_apart_it_is_refused() -> None:
    rng = np.random.default_rng(13)
    is_agent = np.arange(200) < 100
    with pytest.raises(DataError, match="29 purchases are labelled human"):
        measure_means(rng.random(129), np.arange(129) >= 29, np.arange(129))
    with pytest.raises(DataError, match="too close"):
        measure_means(rng.random(200), is_agent, np.arange(200))


def test_purchases_of_one_actor_are_one_observation() -> None:
    rng = np.random.default_rng(14)
    is_agent = np.arange(400) >= 200
    found = scores(rng, is_agent)
    alone = measure_means(found, is_agent, np.arange(400))
    doubled = measure_means(np.tile(found, 2), np.tile(is_agent, 2), np.tile(np.arange(400), 2))
    assert doubled.agent_error == pytest.approx(alone.agent_error)


def test_the_guard_needs_more_sessions_of_a_smaller_arm_and_of_a_smaller_loss() -> None:
    humans = Baseline(0.08, 0.32)
    half, tenth, less = (
        guard_sessions(humans, drop, share) for drop, share in ((0.2, 0.5), (0.2, 0.1), (0.1, 0.1))
    )
    assert half < tenth < less
    with pytest.raises(InputError, match="tolerated"):
        guard_sessions(humans, 0.02, 0.5, tolerated=0.05)
