"""Explain a session: why the classifier scores it as it does."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import JsonValue

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, InputError, NotFoundError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.evaluation.kernel import KernelScore
from phantom_core.evaluation.labelled_sessions import read_labelled
from phantom_core.explain.one_session import SessionExplanation
from phantom_core.explain.one_session import explain_session as explain
from phantom_core.explain.saved import tables_read
from phantom_core.explain.trees import ExplainedTrees
from phantom_core.features.store import FeatureStore, version_of
from phantom_core.lake.lake import Lake
from phantom_core.model_store.store import ModelStore
from phantom_core.models.saved_classifier import read_classifier
from phantom_core.models.splits import MIN_FOLDS
from phantom_core.use_cases.explanations.explain import ExplanationScope
from phantom_core.use_cases.explanations.explain_model import (
    MAX_EXPLAINED,
    explain_model,
    read_explanation,
)
from phantom_core.use_cases.models.score import check_features
from phantom_core.use_cases.models.train_classifier import KIND


@requires(Permission.WORK)
def explain_classifier(
    settings: Settings, lake: Lake, request: ExplanationScope, progress: Progress
) -> Mapping[str, JsonValue]:
    """Explain what the classifier relies on, or one session.

    Raises:
        InputError: the request names another output than agent, or a product.
    """
    if request.output not in (None, "agent") or request.product_id is not None:
        raise InputError(
            "The classifier has the output agent alone, and reads no product.",
            hint="Explain the network: --model multitask.",
        )
    version = request.version
    if request.session_id is not None:
        return explain_session(
            settings, lake, request.session_id, version=version, progress=progress
        ).to_json()
    n_sessions = request.n_rows or MAX_EXPLAINED
    return explain_model(
        settings,
        lake,
        version=version,
        n_sessions=n_sessions,
        n_paired=request.n_paired,
        progress=progress,
    ).to_json()


@requires(Permission.READ)
def explain_session(
    settings: Settings,
    lake: Lake,
    session_id: str,
    *,
    version: str | None = None,
    progress: Progress = no_progress,
) -> SessionExplanation:
    """Explain the classifier's score of one session, and the evidence of its steps.

    Args:
        settings: workspace.
        lake: the events.
        session_id: the session.
        version: of the model; None means the latest.
        progress: called throughout.

    Raises:
        NotFoundError: no such session or model.
        DataError: the model is damaged, or its features are defined differently now.
    """
    model = ModelStore(settings.workspace, KIND).open(version)
    check_features(model)
    store = FeatureStore(lake)
    store.refresh(part_progress(progress, 0, 0.5))
    matrix = store.matrix()
    session = matrix.filter(pc.equal(matrix["session_id"], session_id))
    if not session.num_rows:
        raise NotFoundError(
            f"There is no session '{session_id}' in this workspace.",
            hint="The Sessions page lists them.",
        )
    classifier = read_classifier(model)
    kernels = _kernels(settings, lake, part_progress(progress, 0.5, 1))
    return explain(
        classifier,
        ExplainedTrees.of(classifier),
        session,
        _event_names(lake, session, version_of(matrix)),
        kernels,
    )


def _event_names(lake: Lake, session: pa.Table, lake_version: int) -> list[str]:
    with lake.connect(("events",), version=lake_version) as connection:
        key = session["session_key"][0].as_py()
        rows = connection.execute(
            "SELECT event_name FROM events WHERE session_key = ? "
            "ORDER BY event_ms, event_seq, event_id",
            [key],
        ).fetchall()
    return [name for (name,) in rows]


def _kernels(settings: Settings, lake: Lake, progress: Progress) -> KernelScore | None:
    """Transition kernels of the newest explanation of the same data and labels, else new ones."""
    try:
        found = read_explanation(settings).explanation
        if found.tables == tables_read(lake, "sessions") and found.kernels:
            return found.kernels.score()
    except (NotFoundError, DataError):
        # No explanation yet, or an unreadable one: count the steps now.
        pass
    try:
        labelled = read_labelled(lake, (), MIN_FOLDS, progress)
    except DataError:
        return None  # without labels there is no class to compare with
    return KernelScore.fit(labelled.history.sequences(), labelled.rows.is_agent)
