"""Draw a tree: a picture with the sessions of every node, cached beside the tree."""

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.distil.picture import MAX_DOTS, MAX_LEAVES, detailed_svg
from phantom_core.distil.sample import columns_of
from phantom_core.distil.tree import SplitNode, tree_leaves
from phantom_core.features.catalogue import feature_names
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake
from phantom_core.model_store.store import ModelStore, StoredModel, file_digest, replace_file
from phantom_core.use_cases.explanations.distil import KIND, read_distilled, teacher_named
from phantom_core.use_cases.models.price import default_objective

FOLDER: Final = "drawn"


@requires(Permission.WORK)
def draw_tree(
    settings: Settings,
    lake: Lake,
    *,
    version: str | None = None,
    session_id: str | None = None,
    progress: Progress = no_progress,
) -> Path:
    """Draw a saved tree, with the path of one session through it.

    Args:
        settings: workspace and seed.
        lake: the sessions to draw.
        version: of the tree; None means the latest.
        session_id: whose path is highlighted; None for none.
        progress: called throughout.

    Returns:
        The SVG file; an existing one is not drawn again.

    Raises:
        NotFoundError: no such tree or session.
        DataError: the tree is damaged, has no split, or has too many leaves.
        UnavailableError: Graphviz is not installed.
    """
    model = ModelStore(settings.workspace, KIND).open(version)
    path = picture_path(model, session_id)
    if path.is_file():
        return path
    distillation = read_distilled(model)
    if not isinstance(distillation.tree, SplitNode):
        raise DataError(
            f"Tree {distillation.version} has no split, so there is nothing to draw.",
            hint="Distil a deeper one.",
        )
    if len(tree_leaves(distillation.tree)) > MAX_LEAVES:
        raise DataError(
            f"Tree {distillation.version} has {len(tree_leaves(distillation.tree))} leaves; "
            f"sessions are drawn in trees of up to {MAX_LEAVES}.",
            hint="Look at its splits and leaves, or distil a smaller one.",
        )
    teacher, _ = teacher_named(
        settings,
        lake,
        distillation.teacher,
        default_objective(settings),
        part_progress(progress, 0, 0.4),
    )
    sessions = _drawn_sessions(FeatureStore(lake).matrix(), session_id, settings.seed)
    markup = teacher.markup_ratio(sessions)
    known = ~np.isnan(markup)
    known[0] |= session_id is not None  # a session without a mark-up still has a path
    sessions, markup = sessions.filter(pa.array(known)), np.nan_to_num(markup[known], nan=1.0)
    progress(0.5, f"drawing {len(markup):,} sessions in every node")
    svg = detailed_svg(
        distillation.tree,
        columns_of(sessions, feature_names()),
        markup,
        None if session_id is None else 0,
    )
    path.parent.mkdir(exist_ok=True)
    replace_file(path, svg.encode())
    return path


@requires(Permission.READ)
def picture_path(model: StoredModel, session_id: str | None) -> Path:
    """File of the picture, drawn or not."""
    name = "tree" if session_id is None else file_digest(session_id.encode())[:20]
    return model.folder / FOLDER / f"{name}.svg"


def _drawn_sessions(matrix: pa.Table, session_id: str | None, seed: int) -> pa.Table:
    """Some sessions at random; the highlighted one comes first."""
    drawn = np.sort(
        np.random.default_rng(seed).choice(
            matrix.num_rows, min(MAX_DOTS, matrix.num_rows), replace=False
        )
    )
    some = matrix.take(pa.array(drawn))
    if session_id is None:
        return some
    highlighted = matrix.filter(pc.equal(matrix["session_id"], session_id))
    if not highlighted.num_rows:
        raise NotFoundError(
            f"There is no session '{session_id}' in this workspace.",
            hint="The Sessions page lists them.",
        )
    return pa.concat_tables([highlighted, some])
