"""A classifier report small enough to count by hand."""

import numpy as np

from phantom_core.core.estimate import Estimate
from phantom_core.evaluation.baselines import BestFeature, VelocityRule
from phantom_core.evaluation.metrics import confusion_counts
from phantom_core.evaluation.ranking import Curve, Ranking
from phantom_core.evaluation.report import (
    Baselines,
    CalibrationReport,
    ClassifierReport,
    Data,
    LabelCounts,
    LabelSources,
    Robustness,
)
from phantom_core.evaluation.robustness import ClockAttack
from phantom_core.evaluation.threshold import choose_threshold

IS_AGENT = np.array([False, False, False, True, True])
PROBABILITY = np.array([0.1, 0.2, 0.6, 0.5, 0.9])
BOUGHT = np.full(5, True)


def small_report(*, roc_auc: float = 0.5, without_timing: float | None = None) -> ClassifierReport:
    """Three humans and two agents, all buyers, with the probabilities above; the figures that no
    test reads are 0.5.
    """
    half = Estimate(0.5, 0.5, 0.5)
    ranking = Ranking(Estimate(roc_auc, roc_auc, roc_auc), half, half)
    timeless = (
        None if without_timing is None else Estimate(without_timing, without_timing, without_timing)
    )
    attack = ClockAttack("wait", half, half)
    chosen = choose_threshold(
        IS_AGENT, BOUGHT, PROBABILITY, marking_up_human_cost=0.3, leaking_to_agent_cost=0.2
    )
    return ClassifierReport(
        model_version="m1",
        created_ms=0,
        seconds=0.0,
        seed=1,
        n_folds=3,
        without=(),
        features=("item_views",),
        data=Data(0, 5, LabelCounts(3, 2, 0), LabelSources(0, 5), 5, 0, 5, "", {}, 0, 0),
        ranking=ranking,
        ranking_by_fold=(0.5,),
        roc=Curve((0.0,), (0.0,)),
        precision_recall=Curve((0.0,), (0.0,)),
        calibration=CalibrationReport("beta", {}, 0.0, 0.0, 0.0, 0.24, ()),
        threshold=chosen,
        confusion=confusion_counts(IS_AGENT, chosen.threshold <= PROBABILITY),
        baselines=Baselines(
            0.4, VelocityRule(5.0, 0.5, 0.5, half), ranking, ranking, BestFeature("item_views", 0.5)
        ),
        robustness=Robustness((), (), attack, attack, timeless, None),
        gains=(),
    )
