"""Study of a network: its results and those of comparison models, on folds by actor."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.errors import DataError
from phantom_core.core.progress import Progress, part_progress
from phantom_core.evaluation.baselines import best_feature
from phantom_core.evaluation.comparison_models import (
    agent_trees,
    purchase_columns,
    purchase_names,
    purchase_trees,
)
from phantom_core.evaluation.demand_curve import demand_curve, refused_curve
from phantom_core.evaluation.learning import Learning
from phantom_core.evaluation.multitask_report import (
    PRICE_ALONE,
    SINGLE_TASK,
    XGBOOST,
    AgentTask,
    DemandCurve,
    PurchaseTask,
)
from phantom_core.evaluation.task import ComparisonModel, TaskReport, compare_tasks, evaluate_task
from phantom_core.models.calibration import CalibrationChoice, choose_calibration
from phantom_core.models.classifier import LabelledRows
from phantom_core.models.cross_fit import progress_during
from phantom_core.models.multitask.calibrated import METHODS
from phantom_core.models.multitask.cross_fit import CrossFitted, cross_fit
from phantom_core.models.multitask.hyperparameters import Hyperparameters

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MultitaskStudy:
    """What the study is about.

    Attributes:
        learning: the rows.
        chosen: hyperparameters.
        refusal: why there is no demand curve; None where prices varied.
        seed: of every training.
        rng: draws folds, resamples and chance.
    """

    learning: Learning
    chosen: Hyperparameters
    refusal: DataError | None
    seed: int
    rng: np.random.Generator

    @property
    def has_price(self) -> bool:
        """Whether prices varied enough to learn from."""
        return self.refusal is None


def cross_fitted(study: MultitaskStudy, chosen: Hyperparameters, progress: Progress) -> CrossFitted:
    """Networks of all folds, and their scores of the rows they did not see."""
    learning = study.learning
    return cross_fit(
        learning.rows,
        learning.fold,
        chosen,
        has_price=study.has_price,
        seed=study.seed,
        progress=progress,
    )


def calibration_study(
    learning: Learning, fitted: CrossFitted
) -> tuple[CalibrationChoice | None, CalibrationChoice]:
    """Calibrate both heads; P(agent) of offers and of whole sessions shares one curve."""
    rows, n = learning.rows, learning.offers.num_rows
    purchase = choose_calibration(
        fitted.purchase[:n], rows.bought[:n] == 1, learning.fold[:n], METHODS
    )
    if not learning.has_agents:
        return None, purchase
    known = ~np.isnan(rows.is_agent)
    agent = choose_calibration(
        fitted.agent[known], rows.is_agent[known] == 1, learning.fold[known], METHODS
    )
    return agent, purchase


def single_task_twins(
    study: MultitaskStudy, progress: Progress
) -> tuple[CrossFitted | None, CrossFitted]:
    """A network for each task alone, of the same size."""
    half = 0.5 if study.learning.has_agents else 0.0
    agent = None
    if study.learning.has_agents:
        agent = cross_fitted(
            study,
            study.chosen.for_agent_only(),
            progress_during(part_progress(progress, 0, half), "agents only"),
        )
    return agent, cross_fitted(
        study,
        study.chosen.for_purchase_only(),
        progress_during(part_progress(progress, half, 1), "purchases only"),
    )


def trees_for_comparison(study: MultitaskStudy, progress: Progress) -> tuple[Scores | None, Scores]:
    """Out-of-fold log-odds of trees: agents by session (None unlabelled), purchases by offer."""
    rows, is_offer, fold = study.learning.rows, study.learning.is_offer, study.learning.fold
    agent = None
    if study.learning.has_agents:
        part = progress_during(part_progress(progress, 0, 0.5), "trees for comparison")
        agent = agent_trees(rows[~is_offer], fold[~is_offer], seed=study.seed, progress=part)
    return agent, purchase_trees(
        rows[is_offer], fold[is_offer], seed=study.seed, progress=part_progress(progress, 0.5, 1)
    )


def agent_task(
    study: MultitaskStudy,
    fitted: CrossFitted,
    choice: CalibrationChoice,
    twins: tuple[CrossFitted | None, CrossFitted],
    trees: tuple[Scores | None, Scores],
) -> AgentTask:
    """Evaluate the agent task, beside the twin and the trees of the same folds."""
    learning = study.learning
    known = ~np.isnan(learning.rows.is_agent)
    probability = np.full(len(known), np.nan)
    probability[known] = choice.probability
    whole, at_offers = ~learning.is_offer, learning.is_offer & known
    models = []
    if twins[0] is not None and trees[0] is not None:
        models = [
            _compare_agents(study, SINGLE_TASK, fitted, twins[0].agent[whole]),
            _compare_agents(study, XGBOOST, fitted, trees[0]),
        ]
    sessions, offers = (
        _task_report(study, learning.rows.is_agent, fitted.agent, choice, probability, part)
        for part in (whole, at_offers)
    )
    return AgentTask(sessions, offers, tuple(models))


def _compare_agents(
    study: MultitaskStudy, name: str, fitted: CrossFitted, score: Scores
) -> ComparisonModel:
    whole = ~study.learning.is_offer
    rows = study.learning.rows[whole]
    return compare_tasks(
        name, rows.is_agent == 1, (fitted.agent[whole], score), rows.actor, study.rng
    )


def purchase_task(
    study: MultitaskStudy,
    fitted: CrossFitted,
    choice: CalibrationChoice,
    twins: tuple[CrossFitted | None, CrossFitted],
    trees: tuple[Scores | None, Scores],
) -> PurchaseTask:
    """Evaluate the purchase task, beside the twin, the trees and the price alone."""
    n = study.learning.offers.num_rows
    offers, own = study.learning.rows[study.learning.is_offer], fitted.purchase[:n]
    scores = {SINGLE_TASK: twins[1].purchase[:n], XGBOOST: trees[1]}
    if study.has_price:
        scores[PRICE_ALONE] = -np.nan_to_num(offers.inputs.log_ratio.astype(np.float64))
    bought = offers.bought == 1
    models = tuple(
        compare_tasks(name, bought, (own, score), offers.actor, study.rng)
        for name, score in scores.items()
    )
    values = LabelledRows(purchase_columns(offers.inputs), purchase_names(), bought, offers.actor)
    report = _task_report(
        study, offers.bought, own, choice, choice.probability, np.ones(n, np.bool_)
    )
    return PurchaseTask(report, models, best_feature(values))


def _task_report(
    study: MultitaskStudy,
    label: NDArray[np.float32],
    score: Scores,
    choice: CalibrationChoice,
    probability: Scores,
    part: NDArray[np.bool_],
) -> TaskReport:
    actor = study.learning.rows.actor[: len(label)]
    return evaluate_task(
        label[part] == 1, score[part], choice, probability[part], actor[part], study.rng
    )


def demand_of(
    study: MultitaskStudy,
    fitted: CrossFitted,
    agent: CalibrationChoice | None,
    purchase: CalibrationChoice,
) -> DemandCurve:
    """The demand curve, or the reason for its absence."""
    if study.refusal is not None:
        return refused_curve(study.refusal)
    n = study.learning.offers.num_rows
    p_agent = agent.calibration.probability(fitted.agent[:n]) if agent else None
    return demand_curve(study.learning, fitted, purchase.calibration, p_agent)
