"""Calibrate: measure a market on the workspace's lake, and save it for the simulator."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.features.store import FeatureStore, version_of
from phantom_core.lake.lake import open_lake
from phantom_core.market.calibrate import measure_market as measure
from phantom_core.market.calibration.add_to_cart_quotes import RELATIONS, SessionIndex
from phantom_core.market.calibration.calibration import (
    Calibration,
    read_calibration,
    write_calibration,
)
from phantom_core.market.scenario import Detector
from phantom_core.model_store.result_store import ResultStore
from phantom_core.model_store.store import ModelStore
from phantom_core.models.splits import actor_codes
from phantom_core.use_cases.models.agent_mix import correct_mix
from phantom_core.use_cases.models.score import score_sessions
from phantom_core.use_cases.models.train_classifier import KIND


@requires(Permission.WORK)
def calibrate_market(
    settings: Settings, *, now_ms: int, seed: int | None = None, progress: Progress = no_progress
) -> Calibration:
    """Measure a market on the lake and save it as the latest calibration.

    Args:
        settings: workspace and default seed.
        now_ms: UTC milliseconds.
        seed: of the resamples; None means the settings' one.
        progress: called after every step; nothing is saved after it cancels.
    Returns:
        The calibration; a part that cannot be measured holds the reason.
    Raises:
        DataError: there is no session.
    """
    lake = open_lake(settings)
    store = FeatureStore(lake)
    store.refresh(part_progress(progress, 0, 0.4))
    matrix = store.matrix()
    scores = (
        score_sessions(settings, lake, progress=part_progress(progress, 0.4, 0.6))
        if ModelStore(settings.workspace, KIND).in_use()
        else None
    )
    rng = np.random.default_rng(settings.seed if seed is None else seed)
    corrected = correct_mix(settings, matrix, build_session_index(matrix, scores), rng)
    sessions, mix = corrected.sessions, corrected.mix
    progress(0.6, "reading quotes")
    version = version_of(matrix)
    with lake.connect(RELATIONS, version=version if version >= 0 else None) as connection:
        found = measure(
            connection,
            sessions,
            created_ms=now_ms,
            lake_version=version,
            rng=rng,
            detector=_detector(sessions, scores, matrix),
        )
    warnings = (mix.warning,) if mix and mix.warning else ()
    found = replace(found, mix=mix, notes=(*found.notes, *warnings))
    progress(0.95, "saving")
    _calibrations(settings).save(write_calibration(found))
    progress(1, "calibrated")
    return found


@requires(Permission.READ)
def latest_calibration(settings: Settings) -> Calibration:
    """The latest calibration.

    Raises:
        NotFoundError: there is none.
        DataError: its file is damaged.
    """
    saved = _calibrations(settings)
    return read_calibration(saved.read(), str(saved.path()))


def _calibrations(settings: Settings) -> ResultStore:
    return ResultStore(
        settings.paths.calibrations,
        "No market has been calibrated in this workspace yet.",
        "Calibrate one: python -m phantom_core simulate calibrate",
    )


@needs_no_permission
def build_session_index(matrix: pa.Table, scores: pa.Table | None) -> SessionIndex:
    """Build the index of sessions with labels and probabilities.

    Args:
        matrix: of the feature store, ordered by session_key.
        scores: of `score_sessions`; None without a model.
    """
    return SessionIndex(
        session_key=matrix["session_key"].to_numpy(),
        start_ms=matrix["start_ms"].to_numpy(),
        end_ms=matrix["end_ms"].to_numpy(),
        actor=actor_codes(matrix),
        label=_numbers(matrix["is_agent"]),
        p_agent=_numbers(_of_sessions(scores, "agent_probability", matrix))
        if scores
        else np.full(matrix.num_rows, np.nan),
        model=str(scores["model_version"][0].as_py()) if scores and scores.num_rows else "",
    )


def _detector(sessions: SessionIndex, scores: pa.Table | None, matrix: pa.Table) -> Detector | None:
    """How often the classifier flags agents and humans among the labelled sessions."""
    if scores is None:
        return None
    flagged = _numbers(_of_sessions(scores, "is_agent_predicted", matrix))
    agents, humans = (flagged[(sessions.label == kind) & ~np.isnan(flagged)] for kind in (1, 0))
    if not agents.size or not humans.size:
        return None
    return Detector(
        recall=round(float(agents.mean()), 4), false_alarms=round(float(humans.mean()), 4)
    )


def _of_sessions(scores: pa.Table, column: str, matrix: pa.Table) -> pa.ChunkedArray:
    return scores[column].take(
        pc.index_in(matrix["session_id"], value_set=scores["session_id"].combine_chunks())
    )


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """NULL as NaN, booleans as 1 and 0."""
    return np.asarray(pc.fill_null(pc.cast(column, pa.float64()), np.nan).to_numpy(), np.float64)
