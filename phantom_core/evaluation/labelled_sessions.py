"""Labelled sessions: what a classifier learns from and is judged on, read at one version of the lake."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.errors import DataError
from phantom_core.evaluation import report
from phantom_core.evaluation.history import History, read_history
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake
from phantom_core.models.classifier import LabelledRows
from phantom_core.models.encoding import encode
from phantom_core.models.splits import actors
from phantom_core.progress import Progress


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSessions:
    """The sessions with a label, in the order of session_key.

    Attributes:
        matrix: one row per session, as the feature store has it.
        rows: the same as numbers.
        history: their events.
        data: what the report says about them.
    """

    matrix: pa.Table
    rows: LabelledRows
    history: History
    data: report.Data

    @property
    def families(self) -> NDArray[np.str_]:
        """Family of each session; empty where nobody named it."""
        return np.array(pc.fill_null(self.matrix["family"], "").to_pylist(), dtype=np.str_)


def read_labelled(lake: Lake, features: tuple[str, ...], progress: Progress) -> LabelledSessions:
    """Read the sessions that have a label, and their events.

    Args:
        lake: the events and labels; the feature store is refreshed.
        features: columns to learn from.
        progress: told during the refresh.
    Raises:
        DataError: a class has no session.
    """
    store = FeatureStore(lake)
    version = store.refresh(progress).lake_version
    everything = store.matrix()
    matrix = everything.filter(pc.is_valid(everything["is_agent"])).sort_by("session_key")
    _check_labels(matrix, everything.num_rows)
    rows = LabelledRows(encode(matrix, features), features, matrix["is_agent"].to_numpy().astype(np.bool_), actors(matrix))
    with lake.connect(("events",), version=version) as connection:
        history = read_history(connection, matrix["session_key"].to_numpy())
    return LabelledSessions(matrix, rows, history, _data(version, matrix, everything.num_rows, rows))


def _check_labels(matrix: pa.Table, n_sessions: int) -> None:
    n_agent = pc.sum(matrix["is_agent"]).as_py() or 0
    n_human = matrix.num_rows - n_agent
    if not n_agent or not n_human:
        raise DataError(
            f"Learning needs sessions of humans and of agents, but of {n_sessions:,} sessions {n_human:,} are labelled human and "
            f"{n_agent:,} agent.",
            hint="Load experiments (ingest --experiments) or session labels (ingest --labels).",
        )


def _data(version: int, matrix: pa.Table, n_sessions: int, rows: LabelledRows) -> report.Data:
    n_agent = int(rows.is_agent.sum())
    n_human = len(rows.is_agent) - n_agent
    families = matrix.filter(matrix["is_agent"])["family"].value_counts().to_pylist()
    return report.Data(
        lake_version=version,
        sessions=n_sessions,
        labels=report.LabelCounts(n_human, n_agent, n_sessions - n_human - n_agent),
        actors=len(np.unique(rows.groups)),
        families={row["values"]: row["counts"] for row in sorted(families, key=lambda row: str(row["values"])) if row["values"]},
        start_ms=pc.min(matrix["start_ms"]).as_py(),
        end_ms=pc.max(matrix["end_ms"]).as_py(),
    )
