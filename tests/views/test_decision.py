"""What a threshold does and costs, counted by hand."""

import numpy as np
import pytest

from phantom_core.evaluation.baselines import VelocityRule
from phantom_core.evaluation.metrics import confusion
from phantom_core.evaluation.ranking import Curve, Estimate, Ranking
from phantom_core.evaluation.report import Baselines, CalibrationReport, ClassifierReport, Data, LabelCounts, Robustness
from phantom_core.evaluation.robustness import ClockAttack
from phantom_core.evaluation.threshold import choose_threshold
from phantom_core.views.decision import Costs, confusion_at, money_curve

IS_AGENT = np.array([False, False, False, True, True])
PROBABILITY = np.array([0.1, 0.2, 0.6, 0.5, 0.9])


@pytest.fixture
def report() -> ClassifierReport:
    """Three humans and two agents with the probabilities above; the figures that no test reads are 0.5."""
    half = Estimate(0.5, 0.5, 0.5)
    ranking = Ranking(half, half, half)
    attack = ClockAttack("wait", half, half)
    chosen = choose_threshold(IS_AGENT, PROBABILITY, marking_up_human_cost=0.3, leaking_to_agent_cost=0.2)
    return ClassifierReport(
        model_version="m1",
        created_ms=0,
        seconds=0.0,
        seed=1,
        n_folds=3,
        without=(),
        features=("item_views",),
        data=Data(0, 5, LabelCounts(3, 2, 0), 5, {}, 0, 0),
        ranking=ranking,
        ranking_by_fold=(0.5,),
        roc=Curve((0.0,), (0.0,)),
        precision_recall=Curve((0.0,), (0.0,)),
        calibration=CalibrationReport("beta", {}, 0.0, 0.0, 0.24, ()),
        threshold=chosen,
        confusion=confusion(IS_AGENT, chosen.threshold <= PROBABILITY),
        baselines=Baselines(0.4, VelocityRule(5.0, 0.5, 0.5, half), ranking, ranking),
        robustness=Robustness((), (), attack, attack, None, None),
        gains=(),
    )


def test_from_a_half_on_one_human_and_both_agents_are_marked(report: ClassifierReport) -> None:
    counted = confusion_at(report, 0.5)
    assert (counted.agents_found, counted.agents_missed, counted.humans_marked, counted.humans_left) == (2, 0, 1, 2)


def test_the_ends_mark_everybody_and_nobody(report: ClassifierReport) -> None:
    assert (confusion_at(report, 0.0).humans_left, confusion_at(report, 0.0).agents_missed) == (0, 0)
    assert (confusion_at(report, 1.0).humans_marked, confusion_at(report, 1.0).agents_found) == (0, 0)


def test_money_is_counted_per_session(report: ClassifierReport) -> None:
    curve = money_curve(report, Costs(marking_up_human=1.0, leaking_to_agent=2.0))
    assert curve.cost_at(0.5) == pytest.approx(1.0 * 1 / 5)
    assert (curve.nobody_cost, curve.everybody_cost) == (pytest.approx(2.0 * 2 / 5), pytest.approx(1.0 * 3 / 5))
    assert curve.best_cost == pytest.approx(0.2)
    assert 0.2 < curve.best_threshold <= 0.5


def test_the_costs_of_the_training_give_its_own_curve(report: ClassifierReport) -> None:
    curve = money_curve(report, Costs(report.threshold.marking_up_human_cost, report.threshold.leaking_to_agent_cost))
    assert curve.cost == pytest.approx(report.threshold.curve.cost_per_session)
    assert curve.best_cost == pytest.approx(report.threshold.cost_per_session)


def test_mistakes_that_cost_nothing_leave_nothing_to_pay(report: ClassifierReport) -> None:
    assert set(money_curve(report, Costs(0.0, 0.0)).cost) == {0.0}
