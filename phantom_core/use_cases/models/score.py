"""Score: an agent probability for every session, cached beside the model."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.features.definitions import is_defined_alike
from phantom_core.features.store import FeatureStore, RefreshReport, version_of
from phantom_core.lake.lake import Lake
from phantom_core.model_store.result_store import replace_table
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.models.saved_classifier import read_classifier
from phantom_core.use_cases.models.train_classifier import KIND, OUT_OF_FOLD


@requires(Permission.READ)
def score_sessions(
    settings: Settings, lake: Lake, *, version: str | None = None, progress: Progress = no_progress
) -> pa.Table:
    """Score every session, labelled or not.

    A training session keeps its out-of-fold probability while no event was added to it: a model
    is overconfident on sessions it was trained on.

    Args:
        settings: workspace.
        lake: the events.
        version: of the model; None means the latest.
        progress: called after every step.

    Returns:
        One row per session: session_id, agent_probability in (0, 1), is_agent_predicted,
        model_version, is_out_of_fold.

    Raises:
        NotFoundError: no such model.
        DataError: the model is damaged, or was trained on features that were defined differently.
    """
    model = ModelStore(settings.workspace, KIND).open(version)
    check_features(model)
    store = FeatureStore(lake)
    state = store.refresh(part_progress(progress, 0, 0.6))
    path = _path(model, state)
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException):
        # Missing or damaged: it is only a cache of what the model predicts.
        progress(0.6, "scoring")
    matrix = store.matrix()
    table = _scored(model, matrix)
    # Where another process has loaded more since, the next call writes the cache.
    if version_of(matrix) == state.lake_version:
        _save_cache(table, path)
    progress(1, "scored")
    return table


def _scored(model: StoredModel, matrix: pa.Table) -> pa.Table:
    classifier = read_classifier(model)
    known = _out_of_fold(model, matrix)
    probability = np.where(np.isnan(known), classifier.agent_probability(matrix), known)
    return pa.table(
        {
            "session_id": matrix["session_id"],
            "agent_probability": probability,
            "is_agent_predicted": probability >= classifier.threshold,
            "model_version": pa.repeat(classifier.version, len(probability)),
            "is_out_of_fold": ~np.isnan(known),
        }
    )


def _out_of_fold(model: StoredModel, matrix: pa.Table) -> np.typing.NDArray[np.float64]:
    """Out-of-fold probability of sessions that are as they were in training; NaN for the others."""
    learned = pq.read_table(io.BytesIO(model.read(OUT_OF_FOLD)))
    position = pc.index_in(matrix["session_id"], value_set=learned["session_id"].combine_chunks())
    same = pc.equal(learned["total_interactions"].take(position), matrix["total_interactions"])
    found = pc.if_else(
        pc.fill_null(same, False), learned["agent_probability"].take(position), np.nan
    )
    probability: np.typing.NDArray[np.float64] = found.to_numpy()
    return probability


@requires(Permission.READ)
def check_features(model: StoredModel) -> None:
    """Reject a model whose features are defined differently now.

    Raises:
        DataError: they are.
    """
    if not is_defined_alike(model.manifest.sql_hash, model.manifest.features):
        raise DataError(
            f"Model {model.manifest.version} was trained on features that were defined "
            "differently.",
            hint="Train the classifier again.",
        )


def _path(model: StoredModel, state: RefreshReport) -> Path:
    # The counts distinguish a lake that was deleted and filled again from the one before.
    return (
        model.folder
        / "scores"
        / f"lake-{state.lake_version}-{state.sessions}-{state.events}.parquet"
    )


def _save_cache(table: pa.Table, path: Path) -> None:
    """Write the scores and drop those of earlier versions of the lake."""
    path.parent.mkdir(exist_ok=True)
    replace_table(path, table)
    for earlier in path.parent.glob("lake-*.parquet"):
        if earlier != path:
            earlier.unlink(missing_ok=True)
