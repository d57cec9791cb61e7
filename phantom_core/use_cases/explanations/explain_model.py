"""Explain a model: what a saved classifier relies on, cached by version of model and data."""

import io
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, InputError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.evaluation import report as reports
from phantom_core.evaluation.kernel import KernelScore
from phantom_core.evaluation.labelled_sessions import LabelledSessions, read_labelled
from phantom_core.evaluation.report import parse_report
from phantom_core.explain.contributions import Contributions
from phantom_core.explain.explanation import Explanation, Interaction, Kernels
from phantom_core.explain.importance import family_importance, feature_importance
from phantom_core.explain.saved import (
    SavedExplanation,
    find_explanation,
    read_saved,
    save_explanation,
    tables_read,
)
from phantom_core.explain.trees import ExplainedTrees
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.models.cross_fit import cross_fit
from phantom_core.models.encoding import encode_features
from phantom_core.models.saved_classifier import read_classifier
from phantom_core.use_cases.models.score import check_features
from phantom_core.use_cases.models.train_classifier import KIND, OUT_OF_FOLD

# Above this many sessions, a sample is drawn: figures change little, and exact contributions take
# a millisecond per session.
MAX_EXPLAINED: Final = 10_000
MAX_EXPLAINED_BY_FOLD: Final = 1_000
MAX_PAIRED: Final = 2_000
STRONGEST_PAIRS: Final = 15


@requires(Permission.WORK)
def explain_model(
    settings: Settings,
    lake: Lake,
    *,
    version: str | None = None,
    n_sessions: int = MAX_EXPLAINED,
    n_paired: int = 0,
    progress: Progress = no_progress,
) -> Explanation:
    """Explain what a saved classifier relies on; reads the cache of the same model and data.

    Args:
        settings: workspace and seed.
        lake: the events and labels.
        version: of the model; None means the latest.
        n_sessions: most sessions to explain, drawn at random.
        n_paired: on how many of them interactions are measured, about thirty a second; 0 for none.
        progress: called throughout; nothing is saved after it cancels.

    Raises:
        NotFoundError: no such model.
        DataError: the model is damaged, its features are defined differently now, or no labels are
            left.
        InputError: fewer than one session, or too many interactions.
        CancelledError: progress cancelled the work.
    """
    if n_sessions < 1 or not 0 <= n_paired <= MAX_PAIRED:
        raise InputError(
            f"{n_sessions} sessions and {n_paired} interactions cannot be explained.",
            hint=f"Give at least 1 session, and from 0 to {MAX_PAIRED} interactions.",
        )
    model = ModelStore(settings.workspace, KIND).open(version)
    check_features(model)
    # Noted before anything is read, so that rows loaded meanwhile invalidate the cache.
    tables = tables_read(lake, "sessions")
    labelled = read_labelled(
        lake, model.manifest.features, _n_folds(model), part_progress(progress, 0, 0.1)
    )
    matrix = FeatureStore(lake).matrix()
    before = _cached(model, tables, matrix.num_rows, n_sessions, n_paired)
    if before:
        return before
    saved = _explain(
        model,
        labelled,
        matrix,
        tables,
        n_sessions,
        n_paired,
        settings.seed,
        part_progress(progress, 0.1, 1),
    )
    save_explanation(model, saved)
    progress(1, f"explained model {model.manifest.version}")
    return saved.explanation


@requires(Permission.READ)
def read_explanation(settings: Settings, version: str | None = None) -> SavedExplanation:
    """The newest explanation of a classifier.

    Args:
        settings: workspace.
        version: of the model; None means the latest.
    Raises:
        NotFoundError: no such model, or it was never explained.
        DataError: the saved explanation cannot be read.
    """
    return read_saved(ModelStore(settings.workspace, KIND).open(version), "agent")


def _cached(
    model: StoredModel, tables: tuple[int, ...], n_all: int, n_sessions: int, n_paired: int
) -> Explanation | None:
    """The saved explanation, if it is of the same data and large enough."""
    found = find_explanation(model, "agent")
    if not found:
        return None
    explanation = found.explanation
    same_data = (explanation.tables, explanation.sessions) == (tables, n_all)
    enough = explanation.explained == min(
        n_sessions, n_all
    ) and explanation.interaction_sessions >= min(n_paired, n_sessions, n_all)
    return explanation if same_data and enough else None


def _explain(
    model: StoredModel,
    labelled: LabelledSessions,
    matrix: pa.Table,
    tables: tuple[int, ...],
    n_sessions: int,
    n_paired: int,
    seed: int,
    progress: Progress,
) -> SavedExplanation:
    trees = ExplainedTrees.of(read_classifier(model))
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(matrix.num_rows, min(n_sessions, matrix.num_rows), replace=False))
    sample = matrix.take(pa.array(drawn))
    values = encode_features(sample, trees.names)
    whole = trees.contributions(values, part_progress(progress, 0, 0.4))
    few = values[
        np.sort(rng.choice(len(values), min(MAX_EXPLAINED_BY_FOLD, len(values)), replace=False))
    ]
    folds = _by_fold(model, labelled, few, part_progress(progress, 0.4, 0.7))
    paired = values[np.sort(rng.choice(len(values), min(n_paired, len(values)), replace=False))]
    explanation = Explanation(
        model_version=model.manifest.version,
        output="agent",
        grain="sessions",
        tables=tables,
        sessions=matrix.num_rows,
        explained=len(values),
        folds=len(folds),
        fold_sessions=len(few),
        seed=seed,
        background=0,
        base=whole.base,
        features=feature_importance(whole, folds),
        families=family_importance(whole, folds),
        interactions=_interactions(trees, paired, part_progress(progress, 0.7, 1)),
        interaction_sessions=len(paired),
        kernels=Kernels.of(KernelScore.fit(labelled.history.sequences(), labelled.rows.is_agent)),
    )
    return SavedExplanation(explanation, _points(sample, whole))


def _by_fold(
    model: StoredModel, labelled: LabelledSessions, values: NDArray[np.float32], progress: Progress
) -> list[Contributions]:
    """Explain the same sessions by the fold models, trained again as they were."""
    rows, fold = labelled.rows, fold_of(model, labelled.matrix)
    is_training = fold >= 0
    fitted = cross_fit(
        rows[is_training],
        fold[is_training],
        seed=model.manifest.seed,
        progress=part_progress(progress, 0, 0.5),
    )
    n = len(fitted.boosters)
    return [
        ExplainedTrees(booster, rows.names).contributions(
            values, part_progress(progress, 0.5 + 0.5 * k / n, 0.5 + 0.5 * (k + 1) / n)
        )
        for k, booster in enumerate(fitted.boosters)
    ]


@requires(Permission.READ)
def fold_of(model: StoredModel, matrix: pa.Table) -> NDArray[np.int64]:
    """Fold in which training held each session out, shape (n_rows,); −1 for one not trained on.

    Raises:
        DataError: too few of its training sessions are left to train its folds again.
    """
    learned = pq.read_table(io.BytesIO(model.read(OUT_OF_FOLD)), columns=["session_id", "fold"])
    position = pc.index_in(matrix["session_id"], value_set=learned["session_id"].combine_chunks())
    fold: NDArray[np.int64] = (
        pc.fill_null(learned["fold"].take(position), -1).to_numpy().astype(np.int64)
    )
    is_agent = matrix["is_agent"].to_numpy().astype(np.bool_)
    if any(
        not ((fold == k) & (is_agent == kind)).any()
        for k in range(_n_folds(model))
        for kind in (False, True)
    ):
        raise DataError(
            f"Most training sessions of model {model.manifest.version} are no longer in the lake "
            "with their labels.",
            hint="Train the classifier again.",
        )
    return fold


def _n_folds(model: StoredModel) -> int:
    return parse_report(model.read(reports.FILE)).n_folds


def _interactions(
    trees: ExplainedTrees, values: NDArray[np.float32], progress: Progress
) -> tuple[Interaction, ...]:
    if not len(values):
        return ()
    mean = trees.mean_interactions(values, progress)
    pairs = [
        (float(mean[i, j]), trees.names[i], trees.names[j])
        for i in range(len(mean))
        for j in range(i)
    ]
    return tuple(
        Interaction(first, second, size)
        for size, first, second in sorted(pairs, reverse=True)[:STRONGEST_PAIRS]
    )


def _points(sample: pa.Table, whole: Contributions) -> pa.Table:
    columns = {name: pa.array(whole.values[:, i]) for i, name in enumerate(whole.names)}
    return pa.table({"session_id": sample["session_id"], **columns})
