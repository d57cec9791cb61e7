"""Retrain the classifier: train a challenger on recent sessions, and hold out later ones."""

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.arrays import Floats
from phantom_core.core.errors import DataError
from phantom_core.core.progress import Progress, no_progress
from phantom_core.core.settings import Settings
from phantom_core.evaluation import report as reports
from phantom_core.evaluation.labelled_sessions import LabelledSessions, read_labelled
from phantom_core.evaluation.quote_moments import (
    SessionsAtQuotes,
    read_moments,
    sessions_at_quotes,
)
from phantom_core.evaluation.report import parse_report
from phantom_core.features.catalogue import feature_names
from phantom_core.lake.lake import Lake
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.models.saved_classifier import read_classifier, read_quote_classifier
from phantom_core.models.splits import MIN_FOLDS
from phantom_core.monitoring.challenger_evaluation import HeldOut
from phantom_core.monitoring.promotion_decision import Window
from phantom_core.use_cases.models.compare_models import AT_QUOTE
from phantom_core.use_cases.models.score import check_features
from phantom_core.use_cases.models.train_classifier import KIND, OUT_OF_FOLD, train_classifier

DAY_MS: Final = 86_400_000
AGENT: Final = "agent"


@dataclass(frozen=True, slots=True)
class ClassifierRetraining:
    """Retraining of the classifier."""

    settings: Settings
    lake: Lake
    kind: str = KIND

    def window(self, end_ms: int) -> Window:
        """The days up to the newest labelled session that is over.

        Raises:
            DataError: no labelled session, or only of one kind.
        """
        matrix = read_labelled(self.lake, (), MIN_FOLDS, no_progress).matrix
        return window_of(self.settings, matrix, end_ms)

    def train(
        self, window: Window, champion: StoredModel | None, now_ms: int, progress: Progress
    ) -> StoredModel:
        """Train a challenger for pricing as the champion was, and save it as a candidate."""
        folds, without = 5, tuple[str, ...]()
        if champion is not None:
            before = parse_report(champion.read(reports.FILE))
            folds, without = before.n_folds, before.without
        report = train_classifier(
            self.settings,
            self.lake,
            now_ms=now_ms,
            n_folds=folds,
            without=without,
            period_ms=(window.start_ms, window.split_ms),
            why=None,
            progress=progress,
        )
        return ModelStore(self.settings.workspace, KIND).open(report.model_version)

    def held_out(
        self, window: Window, champion: StoredModel | None, challenger: StoredModel
    ) -> dict[str, HeldOut]:
        """Later sessions of actors unseen in training by either model, scored by both.

        Raises:
            DataError: the champion is damaged, or its features are defined differently now.
        """
        labelled = read_labelled(self.lake, (), MIN_FOLDS, no_progress)
        models = [model for model in (champion, challenger) if model is not None]
        is_seen = seen_in_training(
            labelled, pa.chunked_array([_training_sessions(model) for model in models])
        )
        chosen = later_sessions(labelled.matrix, window) & ~is_seen
        matrix = labelled.matrix.filter(pa.array(chosen))
        return {
            AT_QUOTE: self._held_out_at_quotes(labelled, chosen, champion, challenger),
            AGENT: HeldOut(
                labelled.rows.is_agent[chosen],
                labelled.rows.groups[chosen],
                _probability(champion, matrix) if champion is not None else None,
                _probability(challenger, matrix),
            ),
        }

    def _held_out_at_quotes(
        self,
        labelled: LabelledSessions,
        chosen: NDArray[np.bool_],
        champion: StoredModel | None,
        challenger: StoredModel,
    ) -> HeldOut:
        """The quotes of these sessions, which decide: prices are set there.

        Raises:
            DataError: the champion learned from whole sessions only.
        """
        moments = read_moments(self.lake, labelled, np.random.default_rng(self.settings.seed))
        moments = moments[chosen[moments.session]]
        found = sessions_at_quotes(self.lake, labelled, moments, feature_names())
        session = found.moments.session
        return HeldOut(
            labelled.rows.is_agent[session],
            labelled.rows.groups[session],
            _probability_at_quotes(champion, found) if champion is not None else None,
            _probability_at_quotes(challenger, found),
        )

    def limits(self) -> dict[str, dict[str, float]]:
        """Promotion gates of a challenger, by task."""
        chosen = self.settings
        return {
            AT_QUOTE: {
                "roc_auc": chosen.gates.quote_auc,
                "calibration_error": chosen.gates.quote_calibration_error,
            },
            AGENT: {
                "roc_auc": chosen.gates.agent_auc,
                "precision_at_recall_80": chosen.gates.agent_precision,
                "calibration_error": chosen.gates.calibration_error,
            },
        }


@requires(Permission.READ)
def window_of(settings: Settings, matrix: pa.Table, end_ms: int) -> Window:
    """The days up to the newest of some sessions.

    Args:
        settings: how many days, and how many of them are held out.
        matrix: sessions, with start_ms and end_ms.
        end_ms: sessions that ended later may still go on.
    Raises:
        DataError: no session is over, or the settings hold out everything.
    """
    newest_ms = pc.max(matrix["end_ms"].filter(pc.less(matrix["end_ms"], end_ms))).as_py()
    if newest_ms is None:
        raise DataError(
            "No session is over yet.",
            hint="Load sessions, or wait until those under way have ended.",
        )
    if settings.retraining.held_out_days >= settings.retraining.days:
        raise DataError(
            f"{settings.retraining.held_out_days} of {settings.retraining.days} days are to be "
            "held out, so none is left to train on.",
            hint="Set PHANTOM_RETRAIN_HELD_OUT_DAYS below PHANTOM_RETRAIN_DAYS.",
        )
    stop_ms = newest_ms + 1
    return Window(
        stop_ms - settings.retraining.days * DAY_MS,
        stop_ms - settings.retraining.held_out_days * DAY_MS,
        stop_ms,
    )


@needs_no_permission
def later_sessions(matrix: pa.Table, window: Window) -> NDArray[np.bool_]:
    """Sessions that began after the split and ended within the window, shape (n_rows,)."""
    begun, ended = matrix["start_ms"].to_numpy(), matrix["end_ms"].to_numpy()
    return np.asarray((begun >= window.split_ms) & (ended < window.end_ms))


@needs_no_permission
def seen_in_training(labelled: LabelledSessions, trained_on: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Sessions of actors that have a training session, shape (n_rows,)."""
    groups = labelled.rows.groups
    is_training = (
        pc.is_in(labelled.matrix["session_id"], value_set=trained_on.combine_chunks())
        .to_numpy()
        .astype(np.bool_)
    )
    seen = np.zeros(int(groups.max()) + 1, np.bool_)
    seen[groups[is_training]] = True
    return np.asarray(seen[groups])


def _training_sessions(model: StoredModel) -> pa.Array:
    """Ids of the sessions a model was trained on."""
    return pq.read_table(io.BytesIO(model.read(OUT_OF_FOLD)), columns=["session_id"])[
        "session_id"
    ].combine_chunks()


def _probability_at_quotes(model: StoredModel, found: SessionsAtQuotes) -> Floats:
    check_features(model)
    classifier, names = read_quote_classifier(model), feature_names()
    return classifier.probability_of(
        found.values[:, [names.index(one) for one in classifier.names]]
    )


def _probability(model: StoredModel, matrix: pa.Table) -> NDArray[np.float64]:
    check_features(model)
    return read_classifier(model).agent_probability(matrix)
