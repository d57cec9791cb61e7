"""Explanation: what a model relies on, with the explained sessions or offers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.explain.contributions import Contributions
from phantom_core.explain.explanation import Explanation, Output
from phantom_core.explain.saved import TABLES_READ, SavedExplanation, read_saved
from phantom_core.features.catalogue import FEATURES
from phantom_core.model_kinds.model_kind import ModelKind
from phantom_core.model_store.store import ModelStore
from phantom_core.views.workspace.snapshot import STAMPED, Snapshot

if TYPE_CHECKING:
    import shap

# More dots hide each other, and make a page slow.
MAX_DOTS: Final = 1_200
MAX_SWARMED: Final = 12
_BINS: Final = 60
_SPREAD: Final = 0.38
_CATEGORY: Final = next(feature.name for feature in FEATURES if feature.unit == "category")


@dataclass(frozen=True, slots=True, eq=False)
class ExplanationView:
    """What a model relies on.

    Attributes:
        explanation: figures.
        points: one row per explained session or offer: session_id, and each feature's contribution
            under its name.
        sessions: the same sessions as they are now, or the same offers as they were when quoted:
            session_id, label and the features; sessions that are gone are missing in both.
        is_current: whether the data are unchanged since.
    """

    explanation: Explanation
    points: pa.Table
    sessions: pa.Table
    is_current: bool

    @property
    def contributions(self) -> Contributions:
        """Contribution of each feature to each row, the most important feature first."""
        names = tuple(row.name for row in self.explanation.features)
        values = np.column_stack([self.points[name].to_numpy() for name in names])
        return Contributions(names, values, self.explanation.base)

    def to_shap(self) -> "shap.Explanation":
        """Contributions and feature values, for shap's own plots."""
        found = self.contributions
        data = [
            np.array([_text(value) for value in self.sessions[name].to_pylist()], object)
            if name == _CATEGORY
            else _numbers(self.sessions[name])
            for name in found.names
        ]
        return found.to_shap(np.column_stack(data))


@requires(Permission.READ)
def explanation_view(
    settings: Settings, snapshot: Snapshot, kind: ModelKind, version: str, output: Output
) -> ExplanationView | None:
    """Read the explanation of one output of a model; None where there is no readable one."""
    try:
        saved = read_saved(ModelStore(settings.workspace, kind.name).open(version), output)
    except (NotFoundError, DataError):
        return None
    is_current = _is_current(saved.explanation, snapshot)
    if saved.inputs is not None:
        return ExplanationView(saved.explanation, saved.points, saved.inputs, is_current)
    return _of_sessions(
        saved, snapshot, is_current=is_current and saved.explanation.sessions == snapshot.n_sessions
    )


def _of_sessions(
    saved: SavedExplanation, snapshot: Snapshot, *, is_current: bool
) -> ExplanationView:
    """The view of an explanation with the sessions as they are now."""
    names = ", ".join(f'"{row.name}"' for row in saved.explanation.features)
    ids = [saved.points["session_id"].to_pylist()]
    sessions = snapshot.arrow(
        f"SELECT session_id, label, {names} FROM sessions WHERE session_id IN (SELECT UNNEST(?))",
        ids,
    )
    position = pc.index_in(
        saved.points["session_id"], value_set=sessions["session_id"].combine_chunks()
    )
    is_present = pc.is_valid(position)
    return ExplanationView(
        saved.explanation,
        saved.points.filter(is_present),
        sessions.take(position.filter(is_present)),
        is_current,
    )


@needs_no_permission
def swarm_points(view: ExplanationView) -> pd.DataFrame:
    """Points of a beeswarm of the most important features, the first one at the top.

    Returns:
        Columns feature, row (from 0, the most important), offset (within the row, in [-0.4, 0.4]),
        log_odds, rank (of the value among all, in [0, 1]; NaN where undefined or a category), value
        (text).
    """
    features = [row.name for row in view.explanation.features[:MAX_SWARMED] if row.mean_abs > 0]
    some = np.linspace(0, view.points.num_rows - 1, min(MAX_DOTS, view.points.num_rows)).astype(
        np.int64
    )
    parts = []
    for row, name in enumerate(features):
        log_odds = view.points[name].to_numpy()[some].astype(np.float64)
        column = view.sessions[name].take(pa.array(some))
        parts.append(
            pd.DataFrame(
                {
                    "feature": name,
                    "row": row,
                    "offset": _offsets(log_odds),
                    "log_odds": log_odds,
                    "rank": _ranks(column, name),
                    "value": [_text(value) for value in column.to_pylist()],
                }
            )
        )
    return (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=["feature", "row", "offset", "log_odds", "rank", "value"])
    )


@needs_no_permission
def dependence_points(view: ExplanationView, feature: str) -> pd.DataFrame:
    """Contribution of one feature at each of its values.

    Returns:
        Columns value (number, or text for a category and for yes/no), log_odds, label,
        is_undefined.
    """
    column = view.sessions[feature]
    values = column.to_pylist()
    return pd.DataFrame(
        {
            "value": [_text(value) for value in values]
            if pa.types.is_boolean(column.type) or feature == _CATEGORY
            else values,
            "log_odds": view.points[feature].to_numpy().astype(np.float64),
            "label": view.sessions["label"].to_pylist(),
            "is_undefined": pc.is_null(column).to_pylist(),
        }
    )


@needs_no_permission
def contributions_table(view: ExplanationView) -> pd.DataFrame:
    """All contributions, to download; one row per explained session."""
    table: pd.DataFrame = view.points.to_pandas()
    return table


def _is_current(explanation: Explanation, snapshot: Snapshot) -> bool:
    """Whether the tables that it was computed from, such as labels, are unchanged."""
    now = dict(zip(STAMPED, snapshot.stamp.versions, strict=True))
    return explanation.tables == tuple(now[table] for table in TABLES_READ[explanation.grain])


def _ranks(column: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    if name == _CATEGORY:
        return np.full(len(column), np.nan)
    return np.asarray(pd.Series(_numbers(column)).rank(pct=True), dtype=np.float64)


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Values as numbers, true as 1; NaN where undefined."""
    return np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(), np.float64)


def _offsets(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Vertical offsets that keep dots of similar value from overlapping."""
    low, high = values.min(), values.max()
    if low == high:
        return np.linspace(-_SPREAD, _SPREAD, len(values))
    bin_of = np.minimum(((values - low) / (high - low) * _BINS).astype(np.int64), _BINS - 1)
    order = np.argsort(bin_of, kind="stable")
    counts = np.bincount(bin_of, minlength=_BINS)
    within = np.empty(len(values))
    within[order] = np.arange(len(values)) - np.repeat(np.cumsum(counts) - counts, counts)
    # From the middle outwards, to either side in turn; the fullest bin fills the row.
    side = np.where(within % 2 == 0, 1.0, -1.0)
    offsets: NDArray[np.float64] = side * np.ceil(within / 2) / max(1.0, counts.max() / 2) * _SPREAD
    return offsets


def _text(value: object) -> str:
    if value is None:
        return "undefined"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
