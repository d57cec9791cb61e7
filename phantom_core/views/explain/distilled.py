"""Distilled trees: those saved in a workspace, and one of them with its leaves and rules."""

from dataclasses import dataclass

import pandas as pd

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.distil.distillation import Distillation
from phantom_core.distil.dot import condition_text, tree_dot
from phantom_core.distil.picture import has_graphviz, svg_of
from phantom_core.distil.sample import columns_of
from phantom_core.distil.tree import leaf_of, tree_features, tree_leaves, tree_paths
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.use_cases.explanations.distil import KIND, RULES, read_distilled
from phantom_core.use_cases.explanations.draw_tree import picture_path
from phantom_core.views.workspace.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class DistilledView:
    """One saved tree.

    Attributes:
        model: that stores it.
        distillation: the tree and its figures.
        rules_text: the tree as rules.
    """

    model: StoredModel
    distillation: Distillation
    rules_text: str


@dataclass(frozen=True, slots=True)
class TreePath:
    """Path of one session through a tree.

    Attributes:
        session_id: the session.
        leaf: position of the leaf it ends in.
        markup_ratio: price over the base price.
        conditions: that hold for it, in order.
    """

    session_id: str
    leaf: int
    markup_ratio: float
    conditions: tuple[str, ...]


@requires(Permission.READ)
def distilled_titles(settings: Settings) -> dict[str, str]:
    """Saved trees that can be read, newest first: name → title."""
    found = {}
    for version in reversed(ModelStore(settings.workspace, KIND).versions()):
        try:
            made = read_distilled(ModelStore(settings.workspace, KIND).open(version))
        except (DataError, NotFoundError):
            continue
        found[version] = (
            f"{version} · depth {made.recipe.depth}, {len(tree_leaves(made.tree))} leaves"
        )
    return found


@requires(Permission.READ)
def distilled_view(settings: Settings, version: str) -> DistilledView:
    """Read one tree.

    Raises:
        NotFoundError: no such tree.
        DataError: its files are damaged.
    """
    model = ModelStore(settings.workspace, KIND).open(version)
    made = read_distilled(model)
    return DistilledView(model, made, model.read(RULES).decode())


@requires(Permission.READ)
def find_path(view: DistilledView, snapshot: Snapshot, session_id: str) -> TreePath:
    """Find the path of a session through a tree.

    Raises:
        NotFoundError: no such session.
    """
    session = snapshot.arrow("SELECT * FROM sessions WHERE session_id = ?", [session_id])
    if not session.num_rows:
        raise NotFoundError(
            f"There is no session '{session_id}' in this workspace.",
            hint="Copy one from the Sessions page.",
        )
    root = view.distillation.tree
    leaf = int(leaf_of(root, columns_of(session, tree_features(root)), 1)[0])
    conditions, ends = list(tree_paths(root))[leaf]
    return TreePath(
        session_id,
        leaf,
        ends.markup_ratio,
        tuple(condition_text(condition) for condition in conditions),
    )


@needs_no_permission
def leaf_table(view: DistilledView) -> pd.DataFrame:
    """Leaves, the highest mark-up first.

    Returns:
        Columns leaf (from 1, top to bottom of the tree), markup_ratio, sessions, human_share,
        agent_share (None without sessions), human_value, agent_value (bought, at base prices),
        when.
    """
    rows = [
        {
            "leaf": position + 1,
            "markup_ratio": leaf.markup_ratio,
            "sessions": leaf.n_sessions,
            "human_share": 1 - leaf.n_agents / leaf.n_sessions if leaf.n_sessions else None,
            "agent_share": leaf.n_agents / leaf.n_sessions if leaf.n_sessions else None,
            "human_value": leaf.human_value,
            "agent_value": leaf.agent_value,
            "when": ", ".join(condition_text(condition) for condition in conditions) or "always",
        }
        for position, (conditions, leaf) in enumerate(tree_paths(view.distillation.tree))
    ]
    return pd.DataFrame(rows).sort_values(
        ["markup_ratio", "sessions"], ascending=False, ignore_index=True
    )


@needs_no_permission
def frontier_table(view: DistilledView) -> pd.DataFrame:
    """Fidelity of trees of every depth, with 95 % intervals."""
    return pd.json_normalize(
        [
            {"depth": point.depth, "leaves": point.leaves, **point.fidelity.to_json()}
            for point in view.distillation.frontier
        ]
    )


@needs_no_permission
def plain_dot(view: DistilledView, path: TreePath | None) -> str:
    """The tree in the DOT language, with the path of a session."""
    return tree_dot(view.distillation.tree, path.leaf if path else None)


@needs_no_permission
def plain_svg(dot: str) -> str | None:
    """A drawing as SVG; None where Graphviz is not installed."""
    return svg_of(dot) if has_graphviz() else None


@needs_no_permission
def detailed_picture(view: DistilledView, path: TreePath | None) -> str | None:
    """The picture with the sessions of every node, where it has been drawn."""
    file = picture_path(view.model, path.session_id if path else None)
    return file.read_text(encoding="utf-8") if file.is_file() else None
