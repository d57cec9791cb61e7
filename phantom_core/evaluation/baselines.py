"""Baselines: what simpler models reach on the same folds."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from phantom_core.core.arrays import Floats
from phantom_core.core.estimate import Estimate
from phantom_core.evaluation.kernel import KernelScore
from phantom_core.evaluation.metrics import confusion_counts
from phantom_core.evaluation.ranking import rank_scores, roc_auc
from phantom_core.models.classifier import LabelledRows
from phantom_core.models.encoding import spread_categories

FAST_PER_MIN: Final = 5.0


@dataclass(frozen=True, slots=True)
class VelocityRule:
    """The rule "more than five events a minute is an agent".

    Attributes:
        events_per_min: the rule's limit.
        precision: share of agents among those it marks; None when it marks no session.
        recall: share of the agents it marks.
        roc_auc: of the velocity itself.
    """

    events_per_min: float
    precision: float | None
    recall: float | None
    roc_auc: Estimate


@dataclass(frozen=True, slots=True)
class BestFeature:
    """The feature that ranks best on its own.

    Attributes:
        name: the feature.
        roc_auc: of its values, or of one value of a category, whichever way round; chosen and
            measured on the same sessions.
    """

    name: str
    roc_auc: float


def best_feature(rows: LabelledRows) -> BestFeature:
    """Find the feature that ranks best on its own; undefined ranks below all else."""
    found = (
        (name, _alone(spread_categories(rows.values[:, [i]], [name]), rows.is_agent))
        for i, name in enumerate(rows.names)
    )
    return BestFeature(*max(found, key=lambda pair: pair[1]))


def velocity_rule(
    velocity_per_min: Floats,
    is_agent: NDArray[np.bool_],
    groups: NDArray[np.int64],
    rng: np.random.Generator,
) -> VelocityRule:
    """Evaluate the velocity rule; a session without a velocity is not fast.

    Args:
        velocity_per_min: NaN where undefined, shape (n_rows,).
        is_agent: labels, shape (n_rows,).
        groups: actor of each row, shape (n_rows,).
        rng: draws the resamples of the interval.
    """
    counted = confusion_counts(is_agent, velocity_per_min > FAST_PER_MIN)
    score = np.nan_to_num(velocity_per_min, nan=-1.0)
    return VelocityRule(
        FAST_PER_MIN,
        counted.precision,
        counted.recall,
        rank_scores(is_agent, score, groups, rng).roc_auc,
    )


def logistic_scores(rows: LabelledRows, fold: NDArray[np.int64]) -> Floats:
    """Out-of-fold log-odds of a class-balanced logistic regression on imputed, scaled features.

    Args:
        rows: the sessions.
        fold: fold of each row, shape (n_rows,).
    """
    x, scores = spread_categories(rows.values, rows.names), np.empty(len(fold))
    for k in np.unique(fold):
        model = _logistic().fit(x[fold != k], rows.is_agent[fold != k])
        scores[fold == k] = model.decision_function(x[fold == k])
    return scores


def kernel_scores(
    sequences: pa.ListArray, is_agent: NDArray[np.bool_], fold: NDArray[np.int64]
) -> Floats:
    """Out-of-fold transition-kernel scores, in nats per step.

    Args:
        sequences: event names of each session in order.
        is_agent: labels, shape (n_rows,).
        fold: fold of each row, shape (n_rows,).
    """
    scores = np.empty(len(fold))
    for k in np.unique(fold):
        kernels = KernelScore.fit(sequences.filter(pa.array(fold != k)), is_agent[fold != k])
        scores[fold == k] = kernels.score(sequences.filter(pa.array(fold == k)))
    return scores


def _alone(columns: Floats, is_agent: NDArray[np.bool_]) -> float:
    """The best ROC-AUC of any column, whichever way round."""
    known = ~np.isnan(columns)
    lowest = np.min(columns, axis=0, where=known, initial=0) - 1
    aucs = [roc_auc(is_agent, column) for column in np.where(known, columns, lowest).T]
    return max(max(auc, 1 - auc) for auc in aucs)


def _logistic() -> Pipeline:
    # A feature that is NULL throughout stays in, as a constant.
    impute = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    return make_pipeline(
        impute, StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2_000)
    )
