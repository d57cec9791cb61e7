"""Experiment reports find true effects, no false ones, and harm to human conversion."""

import json

import numpy as np
import pytest

from phantom_core.experiments.exposures import Exposed, Exposures
from phantom_core.experiments.report import ExperimentReport, build_report
from tests.replay.experiments import exposed


def read(
    found: Exposed, planned: int, *, metric: str = "conversion", tolerated_drop: float = 0.0
) -> ExperimentReport:
    return build_report(
        found,
        ("control", "new"),
        (0.5, 0.5),
        metric=metric,
        alpha=0.05,
        planned_sessions=planned,
        tolerated_drop=tolerated_drop,
    )


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["conversion", "revenue"])
def test_a_false_effect_is_found_no_more_often_than_stated(metric: str) -> None:
    rng = np.random.default_rng(1)
    found = [read(exposed(rng, 10_000), 10_000, metric=metric) for _ in range(200)]
    assert sum(one.comparisons[0].verdict != "open" for one in found) / 200 <= 0.05
    assert sum(one.is_guard_tripped for one in found) / 200 <= 0.05


def test_a_planted_effect_is_recovered() -> None:
    rng = np.random.default_rng(2)
    found = [read(exposed(rng, 120_000, lift=0.05), 120_000).comparisons[0] for _ in range(20)]
    assert sum(one.verdict == "better" for one in found) >= 12
    assert not any(one.verdict == "worse" for one in found)
    assert np.mean([one.effect.value for one in found]) == pytest.approx(0.05, abs=0.01)
    assert sum(one.effect.low <= 0.05 <= one.effect.high for one in found) >= 19
    assert all(0 < one.decided_sessions < 120_000 for one in found if one.verdict == "better")


def test_fewer_human_purchases_trip_the_guard_unless_so_much_is_tolerated() -> None:
    rng = np.random.default_rng(3)
    harmed = exposed(rng, 40_000, human_lift=-0.2)
    assert read(harmed, 40_000).is_guard_tripped
    assert not read(harmed, 40_000, tolerated_drop=0.3).is_guard_tripped


def test_an_arm_without_purchases_trips_the_guard_too() -> None:
    found = read(exposed(np.random.default_rng(4), 3_000, lift=-1.0), 3_000).comparisons[0]
    assert (found.verdict, found.is_guard_tripped) == ("worse", True)
    assert found.tripped_sessions < 1_500


def test_uneven_arms_are_reported() -> None:
    even, uneven = (exposed(np.random.default_rng(5), 5_000, share=share) for share in (0.5, 0.45))
    assert not read(even, 5_000).is_uneven
    assert read(uneven, 5_000).is_uneven


def test_intervals_only_shrink_and_a_conclusion_is_never_reversed() -> None:
    found = read(exposed(np.random.default_rng(7), 40_000, lift=-0.15), 10_000).comparisons[0]
    assert found.verdict == "worse"
    ends = np.array([(point.effect.low, point.effect.high) for point in found.course])
    assert (np.diff(ends[:, 0]) >= 0).all()
    assert (np.diff(ends[:, 1]) <= 0).all()
    assert found.effect.high < 0


def test_few_sessions_lead_to_no_conclusion() -> None:
    for n in (0, 1, 300):
        found = read(exposed(np.random.default_rng(6), n), 10_000)
        assert (found.comparisons[0].verdict, found.comparisons[0].course) == ("open", ())
        assert (
            json.loads(json.dumps(found.to_json(), allow_nan=False))["comparisons"][0]["effect"][
                "low"
            ]
            is None
        )


def test_figures_of_the_arms_can_be_checked_by_hand() -> None:
    sessions = Exposures.plain(
        np.array([0, 0, 1, 1]),
        np.arange(4),
        np.array([0.0, 1.0, np.nan, 0.5]),
        np.array([1.0, 1.0, 0.0, 1.0]),
        np.array([10.0, 20.0, 0, 6]),
    )
    control, new = read(Exposed(sessions, 3, 1), 100).arms
    assert (
        control.sessions,
        control.purchases,
        control.revenue,
        control.human_conversion,
        control.agents,
    ) == (2, 2, 15.0, 1.0, 1.0)
    assert (new.conversion, new.revenue, new.agents) == (0.5, 3.0, 0.5)
    assert new.human_conversion == pytest.approx(0.5 / 1.5)
