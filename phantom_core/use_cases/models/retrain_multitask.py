"""Retrain the network: train a challenger on recent offers, and hold out later ones."""

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
class NetworkRetraining:
    """Retraining of the network."""

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
        """Later offers and sessions of actors unseen in training by either model, scored by both.

        The unlabelled training sessions of a network are not stored one by one, so every actor
        with a session between its first and its last offer counts as seen in training.

        Raises:
            DataError: the champion is damaged, or its features are defined differently now.
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
        chosen = _ended(learning, window) & ~_seen_in_training(
            learning, [model for model in (champion, challenger) if model is not None]
        )
        champion_scores, challenger_scores = (
            _scores(model, learning) if model is not None else None
            for model in (champion, challenger)
        )
        assert challenger_scores is not None
        held_out = {
            PURCHASE: _held_out_of(
                learning,
                chosen & learning.is_offer,
                champion_scores,
                challenger_scores,
                is_agent=False,
            )
        }
        sessions = chosen & ~learning.is_offer
        if sessions.any():
            held_out[AGENT] = _held_out_of(
                learning, sessions, champion_scores, challenger_scores, is_agent=True
            )
        return held_out

    def limits(self) -> dict[str, dict[str, float]]:
        """Promotion gates of a challenger, by task."""
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


def _seen_in_training(learning: Learning, models: list[StoredModel]) -> NDArray[np.bool_]:
    """Rows of actors with a session in the training period of one of the models."""
    is_training = np.zeros(len(learning.rows), np.bool_)
    for model in models:
        data = parse_report(model.read(FILE)).data
        is_training |= (learning.start_ms <= data.end_ms) & (learning.end_ms >= data.start_ms)
    seen = np.zeros(int(learning.rows.actor.max()) + 1, np.bool_)
    seen[learning.rows.actor[is_training]] = True
    return np.asarray(seen[learning.rows.actor])


def _scores(model: StoredModel, learning: Learning) -> NetworkScores:
    check_features(model)
    return open_scorer(model).score(learning.rows.inputs)


def _held_out_of(
    learning: Learning,
    chosen: NDArray[np.bool_],
    champion_scores: NetworkScores | None,
    challenger_scores: NetworkScores,
    *,
    is_agent: bool,
) -> HeldOut:
    label = learning.rows.is_agent if is_agent else learning.rows.bought
    champion = (
        None
        if champion_scores is None
        else (champion_scores.p_agent if is_agent else champion_scores.p_purchase)[chosen]
    )
    challenger = (challenger_scores.p_agent if is_agent else challenger_scores.p_purchase)[chosen]
    return HeldOut(label[chosen] == 1, learning.rows.actor[chosen], champion, challenger)
