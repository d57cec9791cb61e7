"""Labelled sessions: training and evaluation data of a classifier, at one lake version."""

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.core.errors import DataError
from phantom_core.core.progress import Progress
from phantom_core.evaluation import report
from phantom_core.evaluation.history import History, read_history
from phantom_core.features.store import FeatureStore, version_of
from phantom_core.lake.lake import Lake
from phantom_core.model_store.store import file_digest
from phantom_core.models.classifier import LabelledRows
from phantom_core.models.encoding import encode_features
from phantom_core.models.splits import actor_codes, split_by_kind


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSessions:
    """The sessions with a label, in the order of session_key.

    Attributes:
        matrix: one row per session, as the feature store has it.
        rows: the same as numbers.
        history: their events.
        data: their description in the report.
    """

    matrix: pa.Table
    rows: LabelledRows
    history: History
    data: report.Data

    def __getitem__(self, chosen: NDArray[np.bool_]) -> "LabelledSessions":
        """Some of the sessions; their description stays that of all."""
        return LabelledSessions(
            self.matrix.filter(pa.array(chosen)),
            self.rows[chosen],
            self.history[chosen],
            self.data,
        )

    @property
    def families(self) -> NDArray[np.str_]:
        """Family of each session; empty where it is not named."""
        return np.array(pc.fill_null(self.matrix["family"], "").to_pylist(), dtype=np.str_)


def read_labelled(
    lake: Lake,
    features: tuple[str, ...],
    n_folds: int,
    progress: Progress,
    period_ms: tuple[int, int] | None = None,
) -> LabelledSessions:
    """Read the sessions that have a label, and their events.

    Args:
        lake: the events and labels; the feature store is refreshed.
        features: columns to train on.
        n_folds: how many folds the actors must fill.
        progress: called during the refresh.
        period_ms: only sessions that began in [start, end), UTC milliseconds; None means all.
    Raises:
        DataError: a class has no session.
    """
    store = FeatureStore(lake)
    store.refresh(progress)
    everything = begun_in(store.matrix(), period_ms)
    # Not the refresh's version: another process may have loaded more since.
    version = version_of(everything)
    matrix = everything.filter(pc.is_valid(everything["is_agent"])).sort_by("session_key")
    _check_labels(lake, matrix, everything.num_rows)
    return describe_labelled(lake, matrix, version, features, n_folds, everything.num_rows)


def describe_labelled(
    lake: Lake,
    matrix: pa.Table,
    version: int,
    features: tuple[str, ...],
    n_folds: int,
    n_sessions: int,
) -> LabelledSessions:
    """Sessions as rows to learn from, with their events and description.

    Args:
        lake: the events and labels.
        matrix: sessions with a label, in the order of session_key.
        version: of the lake's events that `matrix` stands for.
        features: columns to train on.
        n_folds: how many folds the actors must fill.
        n_sessions: all sessions, labelled or not.
    """
    with lake.connect(("events", "experiments", "session_labels"), version=version) as connection:
        history = read_history(connection, matrix["session_key"].to_numpy())
        subjects, sources = read_subjects(connection, matrix), _sources(connection, matrix)
    is_agent = matrix["is_agent"].to_numpy().astype(np.bool_)
    groups, n_split = actors_to_fold_by(matrix, subjects, is_agent, n_folds)
    rows = LabelledRows(encode_features(matrix, features), features, is_agent, groups)
    return LabelledSessions(
        matrix, rows, history, _data(version, matrix, n_sessions, rows, sources, n_split)
    )


def begun_in(matrix: pa.Table, period_ms: tuple[int, int] | None) -> pa.Table:
    """Sessions that began in [start, end), UTC milliseconds; all of them without a period."""
    if period_ms is None:
        return matrix
    begun = matrix["start_ms"]
    return matrix.filter(
        pc.and_(pc.greater_equal(begun, period_ms[0]), pc.less(begun, period_ms[1]))
    )


def read_subjects(connection: duckdb.DuckDBPyConnection, matrix: pa.Table) -> pa.ChunkedArray:
    """Subject of each session's experiment; NULL where it is not recorded."""
    named = connection.sql(
        "SELECT experiment_id, NULLIF(TRIM(subject_name), '') AS subject FROM experiments"
    ).to_arrow_table()
    return named["subject"].take(
        pc.index_in(matrix["experiment_id"], value_set=named["experiment_id"].combine_chunks())
    )


def actors_to_fold_by(
    matrix: pa.Table, subjects: pa.ChunkedArray, is_agent: NDArray[np.bool_], n_folds: int
) -> tuple[NDArray[np.int64], int]:
    """Actors, and how many subjects count as several of them.

    Subjects are the actors where there are enough to fold by. A name that stands for many
    ("student") leaves too few.
    """
    by_subject = actor_codes(matrix, subjects)
    if min(len(kind) for kind in split_by_kind(by_subject, is_agent)) >= n_folds:
        return by_subject, 0
    taken_part = pa.table({"subject": subjects, "experiment_id": matrix["experiment_id"]}).filter(
        pc.is_valid(subjects)
    )
    n_experiments = taken_part.group_by("subject").aggregate([("experiment_id", "count_distinct")])[
        "experiment_id_count_distinct"
    ]
    return actor_codes(matrix), pc.sum(pc.greater(n_experiments, 1)).as_py() or 0


def _check_labels(lake: Lake, matrix: pa.Table, n_sessions: int) -> None:
    n_agent = pc.sum(matrix["is_agent"]).as_py() or 0
    n_human = matrix.num_rows - n_agent
    if not n_agent or not n_human:
        raise DataError(
            f"Learning needs sessions of humans and of agents, but of {n_sessions:,} sessions "
            f"{n_human:,} are labelled human and {n_agent:,} agent.",
            hint=_unfit_labels(lake, matrix)
            or "Load experiments (ingest --experiments) or session labels (ingest --labels).",
        )


def _unfit_labels(lake: Lake, matrix: pa.Table) -> str:
    """A sentence about labels that were loaded and fit no session; empty without such labels."""
    with lake.connect(("session_labels",)) as connection:
        labels = connection.sql(
            "SELECT session_id FROM session_labels WHERE is_agent IS NOT NULL"
        ).to_arrow_table()["session_id"]
    n_fit = pc.sum(pc.is_in(labels, value_set=matrix["session_id"])).as_py() or 0
    if n_fit == len(labels):
        return ""
    return (
        f"{len(labels) - n_fit:,} of {len(labels):,} session labels fit no session, such as "
        f"'{labels[0].as_py()}': write sessions as the events do."
    )


def _sources(connection: duckdb.DuckDBPyConnection, matrix: pa.Table) -> report.LabelSources:
    """Sources of the labels; a label by a person overrides that of an experiment."""
    named = connection.sql(
        "SELECT session_id FROM session_labels WHERE is_agent IS NOT NULL"
    ).to_arrow_table()["session_id"]
    n_person = pc.sum(pc.is_in(matrix["session_id"], value_set=named)).as_py() or 0
    return report.LabelSources(n_person, matrix.num_rows - n_person)


def _data(
    version: int,
    matrix: pa.Table,
    n_sessions: int,
    rows: LabelledRows,
    sources: report.LabelSources,
    n_split: int,
) -> report.Data:
    n_agent = int(rows.is_agent.sum())
    n_human = len(rows.is_agent) - n_agent
    families = matrix.filter(matrix["is_agent"])["family"].value_counts().to_pylist()
    return report.Data(
        lake_version=version,
        sessions=n_sessions,
        labels=report.LabelCounts(n_human, n_agent, n_sessions - n_human - n_agent),
        sources=sources,
        actors=len(np.unique(rows.groups)),
        subjects_split=n_split,
        lone_sessions=int((np.bincount(rows.groups) == 1).sum()),
        labels_sha256=_hash(matrix["session_key"].to_numpy(), rows.is_agent, rows.groups),
        families={
            row["values"]: row["counts"]
            for row in sorted(families, key=lambda row: str(row["values"]))
            if row["values"]
        },
        start_ms=pc.min(matrix["start_ms"]).as_py(),
        end_ms=pc.max(matrix["end_ms"]).as_py(),
    )


def _hash(
    session_key: NDArray[np.int64], is_agent: NDArray[np.bool_], groups: NDArray[np.int64]
) -> str:
    """Equal for equal labels of equal sessions by equal actors, on every machine."""
    return file_digest(np.column_stack([session_key, is_agent, groups]).astype("<i8").tobytes())
