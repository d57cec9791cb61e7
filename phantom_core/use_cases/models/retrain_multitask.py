"""Retrain the network: a challenger from recent offers, and offers on which it can be held against
the champion.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.progress import Progress, no_progress
from phantom_core.core.settings import Settings
from phantom_core.evaluation.learning import Learning, read_learning
from phantom_core.evaluation.multitask_report import FILE, KIND, parse_report
from phantom_core.features.offers.offers import moments_named
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.models.multitask.description import open_scorer
from phantom_core.models.multitask.scorer import NetworkScores
from phantom_core.models.splits import MIN_FOLDS
from phantom_core.monitoring.challenger_evaluation import HeldOut
from phantom_core.monitoring.promotion_decision import Window
from phantom_core.use_cases.models.retrain_classifier import AGENT, window_of
from phantom_core.use_cases.models.score import check_features
from phantom_core.use_cases.models.train_multitask import train_multitask

PURCHASE: Final = "purchase"


@dataclass(frozen=True, slots=True)
class NetworkContest:
    """How a network is retrained."""

    settings: Settings
    lake: Lake
    kind: str = KIND

    def window(self, end_ms: int) -> Window:
        """The days up to the newest session that is over.

        Raises:
            DataError: no session.
        """
        store = FeatureStore(self.lake)
        store.refresh()
        return window_of(self.settings, store.matrix(), end_ms)

    def train(
        self, window: Window, champion: StoredModel | None, now_ms: int, progress: Progress
    ) -> StoredModel:
        """Train a challenger as the champion was, and save it as a candidate."""
        before = parse_report(champion.read(FILE)) if champion is not None else None
        report = train_multitask(
            self.settings,
            self.lake,
            now_ms=now_ms,
            n_folds=before.n_folds if before else 5,
            chosen=before.hyperparameters if before else None,
            moments=moments_named(before.data.moments) if before else None,
            period_ms=(window.start_ms, window.split_ms),
            why=None,
            progress=progress,
        )
        return ModelStore(self.settings.workspace, KIND).open(report.model_version)

    def held_out(
        self, window: Window, champion: StoredModel | None, challenger: StoredModel
    ) -> dict[str, HeldOut]:
        """Later offers and sessions of actors that neither met, with what both say of them.

        Which unlabelled sessions a network learned from is not written down one by one, so every
        actor with a session between its first and its last offer counts as met.

        Raises:
            DataError: the champion is damaged, or reads features that are defined differently by
            now.
        """
        moments = moments_named(parse_report(challenger.read(FILE)).data.moments)
        learning = read_learning(
            self.lake,
            moments=moments,
            n_folds=MIN_FOLDS,
            most_offers=self.settings.training.most_offers,
            rng=np.random.default_rng(self.settings.seed),
            progress=no_progress,
        )
        chosen = _ended(learning, window) & ~_met(
            learning, [model for model in (champion, challenger) if model is not None]
        )
        theirs, mine = (
            _scores(model, learning) if model is not None else None
            for model in (champion, challenger)
        )
        assert mine is not None
        answers = {
            PURCHASE: _answered(learning, chosen & learning.is_offer, theirs, mine, is_agent=False)
        }
        sessions = chosen & ~learning.is_offer
        if sessions.any():
            answers[AGENT] = _answered(learning, sessions, theirs, mine, is_agent=True)
        return answers

    def limits(self) -> dict[str, dict[str, float]]:
        """What a challenger must reach, by question."""
        chosen = self.settings
        return {
            PURCHASE: {
                "roc_auc": chosen.gates.purchase_auc,
                "calibration_error": chosen.gates.calibration_error,
            },
            AGENT: {
                "roc_auc": chosen.gates.agent_auc,
                "calibration_error": chosen.gates.calibration_error,
            },
        }


def _ended(learning: Learning, window: Window) -> NDArray[np.bool_]:
    """Rows of sessions that began after the split and ended within the window."""
    return np.asarray((learning.start_ms >= window.split_ms) & (learning.end_ms < window.end_ms))


def _met(learning: Learning, models: list[StoredModel]) -> NDArray[np.bool_]:
    """Rows of actors who had a session while one of the models learned."""
    learned = np.zeros(len(learning.rows), np.bool_)
    for model in models:
        data = parse_report(model.read(FILE)).data
        learned |= (learning.start_ms <= data.end_ms) & (learning.end_ms >= data.start_ms)
    met = np.zeros(int(learning.rows.actor.max()) + 1, np.bool_)
    met[learning.rows.actor[learned]] = True
    return np.asarray(met[learning.rows.actor])


def _scores(model: StoredModel, learning: Learning) -> NetworkScores:
    check_features(model)
    return open_scorer(model).score(learning.rows.inputs)


def _answered(
    learning: Learning,
    chosen: NDArray[np.bool_],
    theirs: NetworkScores | None,
    mine: NetworkScores,
    *,
    is_agent: bool,
) -> HeldOut:
    label = learning.rows.is_agent if is_agent else learning.rows.bought
    champion = (
        None if theirs is None else (theirs.p_agent if is_agent else theirs.p_purchase)[chosen]
    )
    challenger = (mine.p_agent if is_agent else mine.p_purchase)[chosen]
    return HeldOut(label[chosen] == 1, learning.rows.actor[chosen], champion, challenger)
