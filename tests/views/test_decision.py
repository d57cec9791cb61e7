"""What a threshold does and costs, counted by hand."""

import pytest

from phantom_core.evaluation.report import ClassifierReport
from phantom_core.views.classifier.decision import Costs, confusion_at, money_curve
from tests.views.reports import small_report


@pytest.fixture
def report() -> ClassifierReport:
    return small_report()


def test_from_a_half_on_one_human_and_both_agents_are_marked(report: ClassifierReport) -> None:
    counted = confusion_at(report, 0.5)
    assert (
        counted.agents_found,
        counted.agents_missed,
        counted.humans_marked,
        counted.humans_left,
    ) == (2, 0, 1, 2)


def test_the_ends_mark_every_session_and_none(report: ClassifierReport) -> None:
    assert (confusion_at(report, 0.0).humans_left, confusion_at(report, 0.0).agents_missed) == (
        0,
        0,
    )
    assert (confusion_at(report, 1.0).humans_marked, confusion_at(report, 1.0).agents_found) == (
        0,
        0,
    )


def test_money_is_counted_per_session(report: ClassifierReport) -> None:
    curve = money_curve(report, Costs(marking_up_human=1.0, leaking_to_agent=2.0))
    assert curve.cost_at(0.5) == pytest.approx(1.0 * 1 / 5)
    assert (curve.nobody_cost, curve.everybody_cost) == (
        pytest.approx(2.0 * 2 / 5),
        pytest.approx(1.0 * 3 / 5),
    )
    assert curve.best_cost == pytest.approx(0.2)
    assert 0.2 < curve.best_threshold <= 0.5


def test_the_costs_of_the_training_give_its_own_curve(report: ClassifierReport) -> None:
    curve = money_curve(
        report,
        Costs(report.threshold.marking_up_human_cost, report.threshold.leaking_to_agent_cost),
    )
    assert curve.cost == pytest.approx(report.threshold.curve.cost_per_session)
    assert curve.best_cost == pytest.approx(report.threshold.cost_per_session)


def test_mistakes_that_cost_nothing_leave_nothing_to_pay(report: ClassifierReport) -> None:
    assert set(money_curve(report, Costs(0.0, 0.0)).cost) == {0.0}
