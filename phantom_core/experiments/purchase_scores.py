"""Purchase scores: how much a session that bought looks like an agent's, whatever it was quoted."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xgboost as xgb

from phantom_core.core.arrays import Floats
from phantom_core.core.errors import DataError
from phantom_core.experiments.human_purchases import ScoreMeans, measure_means
from phantom_core.features.catalogue import feature_names
from phantom_core.features.store import FeatureStore, version_of
from phantom_core.lake.lake import Lake
from phantom_core.models.classifier import LabelledRows, classifier_margin, fit_classifier
from phantom_core.models.encoding import encode_features
from phantom_core.models.splits import actor_codes, make_folds

# What a price changes: prices seen, and what was bought at them.
NOT_PRICE_BLIND: Final = frozenset(
    {
        "avg_price_seen",
        "min_price_seen",
        "max_price_seen",
        "std_price_seen",
        "price_range_explored",
        "purchases",
        "conversion_rate",
    }
)
N_ROUNDS: Final = 150
N_FOLDS: Final = 5
# More labelled sessions make the score hardly better.
MOST_SESSIONS: Final = 20_000
_SEED: Final = 20_261


@dataclass(frozen=True, slots=True, eq=False)
class PurchaseScorer:
    """A score of whole sessions by features that prices do not change.

    Attributes:
        booster: its trees.
        means: of labelled purchases, each scored by trees that did not see its actor.
    """

    booster: xgb.Booster
    means: ScoreMeans

    def score(self, sessions: pa.Table) -> Floats:
        """Of each session, in (0, 1)."""
        return _chance(self.booster, encode_features(sessions, price_blind_names()))


def price_blind_names() -> tuple[str, ...]:
    """Session features that a price does not change."""
    return tuple(name for name in feature_names() if name not in NOT_PRICE_BLIND)


def read_scorer(lake: Lake, matrix: pa.Table) -> PurchaseScorer:
    """The scorer of a lake's labelled sessions; it is fitted again when they change.

    Args:
        lake: where the feature store is.
        matrix: of the feature store.
    Raises:
        DataError: too few labelled purchases of a class.
    """
    labelled = matrix["is_agent"]
    n_agents = pc.sum(labelled).as_py() or 0
    return _fitted(
        lake.root, version_of(matrix), matrix.num_rows - labelled.null_count, int(n_agents)
    )


@lru_cache(maxsize=4)
def _fitted(root: Path, version: int, labelled: int, agents: int) -> PurchaseScorer:
    return fit_scorer(FeatureStore(Lake(root)).matrix())


def fit_scorer(matrix: pa.Table) -> PurchaseScorer:
    """Fit a score to labelled sessions.

    Args:
        matrix: of the feature store.
    Raises:
        DataError: too few labelled purchases of a class.
    """
    known = matrix.filter(pc.is_valid(matrix["is_agent"])).sort_by("start_ms")
    known = known.slice(max(0, known.num_rows - MOST_SESSIONS))
    is_agent = np.asarray(known["is_agent"].to_pylist(), np.bool_)
    if not is_agent.any() or is_agent.all():
        raise DataError(
            "Labels of humans and of agents are needed to tell human purchases apart.",
            hint="Load experiments or session labels.",
        )
    names, actor = price_blind_names(), actor_codes(known)
    rows = LabelledRows(encode_features(known, names), names, is_agent, actor)
    fold = make_folds(actor, is_agent, N_FOLDS, np.random.default_rng(_SEED))
    score = np.empty(is_agent.size)
    for k in range(N_FOLDS):
        trees = fit_classifier(rows[fold != k], N_ROUNDS, seed=_SEED)
        score[fold == k] = _chance(trees, rows.values[fold == k])
    bought = known["purchases"].to_numpy() > 0
    means = measure_means(score[bought], is_agent[bought], actor[bought])
    return PurchaseScorer(fit_classifier(rows, N_ROUNDS, seed=_SEED), means)


def _chance(booster: xgb.Booster, values: np.ndarray) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-classifier_margin(booster, values))))
