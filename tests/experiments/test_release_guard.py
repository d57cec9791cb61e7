"""The guard of a rollout: a loss rolls back, a harmless canary goes on, and too little waits."""

from dataclasses import replace

import numpy as np
import pytest

from phantom_core.experiments.exposures import Exposed, Exposures
from phantom_core.experiments.release_exposures import StageHealth
from phantom_core.experiments.release_guard import GuardLimits, StageAssessment, assess_stage
from tests.experiments.test_human_purchases import labelled, scores

LIMITS = GuardLimits(
    human_loss=0.02, excluded_loss=0.2, revenue_loss=0.05, failed=0.01, slow=0.01, alpha=0.05
)


def assess(
    *,
    humans: float = 0.0,
    agents: float = 0.0,
    failed: float = 0.0,
    slow: float = 0.0,
    n: int = 40_000,
    share: float = 0.25,
    real_share: float = 0.25,
    has_labels: bool = True,
    least_sessions: int = 0,
    limits: GuardLimits = LIMITS,
) -> StageAssessment:
    """A stage whose canary changes how many of each class buy, and how sessions are priced."""
    rng = np.random.default_rng(21)
    arm = (rng.random(n) < real_share).astype(np.int64)
    is_agent = rng.random(n) < 0.4
    lift = np.where(is_agent, agents, humans) * arm
    bought = (rng.random(n) < 0.3 * (1 + lift)).astype(np.float64)
    sessions = Exposures.plain(arm, np.arange(n), np.full(n, 0.4), bought, bought)
    sessions = replace(sessions, score=scores(rng, is_agent))
    health = StageHealth(
        arm == 1, *((rng.random(n) < part * arm).astype(np.float64) for part in (failed, slow))
    )
    exposed = Exposed(sessions, 0, 0, labelled(rng) if has_labels else None)
    return assess_stage(exposed, health, share, 1, limits, least_sessions=least_sessions)


def who_rolls_back(found: StageAssessment) -> list[str]:
    return [one.name for one in found.findings if one.action == "roll back"]


def test_a_harmless_canary_goes_on() -> None:
    found = assess()
    assert (found.action, found.reasons) == ("advance", ())


def test_a_loss_of_humans_rolls_back_and_says_by_how_much() -> None:
    found = assess(humans=-0.3, agents=0.3, limits=replace(LIMITS, revenue_loss=0.9))
    assert (found.action, who_rolls_back(found)) == ("roll back", ["human conversion"])
    assert "fewer humans buy; 2.0% is tolerated." in found.reasons[0]


def test_a_rule_that_only_agents_feel_is_not_rolled_back_for_it() -> None:
    found = assess(agents=-0.6, limits=replace(LIMITS, revenue_loss=0.9))
    assert found.action == "advance"
    assert who_rolls_back(assess(agents=-0.9)) == ["revenue"]


def test_a_step_is_held_until_a_loss_that_matters_is_excluded() -> None:
    found = assess(n=2_000)
    assert (found.action, found.reasons) == (
        "hold",
        ("A loss of 20% of human conversion is not excluded yet.",),
    )
    assert assess(n=2_000, limits=replace(LIMITS, excluded_loss=0.9)).action == "advance"


def test_a_step_waits_for_the_approved_sessions() -> None:
    found = assess(least_sessions=50_000)
    assert found.action == "wait"
    assert found.reasons[0].startswith("40,000 of the 50,000 sessions")


@pytest.mark.parametrize(
    ("name", "part"), [("failures", {"failed": 0.2}), ("latency", {"slow": 0.2})]
)
def test_rules_that_fail_or_are_slow_roll_back(name: str, part: dict[str, float]) -> None:
    found = assess(n=8_000, **part)
    assert who_rolls_back(found) == [name]
    assert not who_rolls_back(assess(n=8_000, **dict.fromkeys(part, 0.002)))


def test_without_labels_no_step_is_taken_and_none_is_taken_back() -> None:
    found = assess(humans=-0.02, agents=-0.1, has_labels=False)
    assert found.action == "hold"
    assert "load labels" in found.reasons[0]


def test_a_canary_that_gets_another_share_is_held() -> None:
    found = assess(real_share=0.3)
    assert found.action == "hold"
    assert "not the published one" in found.reasons[0]


def test_error_rates_of_all_stages_add_up_to_that_of_the_version() -> None:
    spent = [LIMITS.of_stage(k) for k in range(1, 2_000)]
    assert 0.0499 < sum(spent) < 0.05
