"""Snapshot: everything that pages read, as of one moment, in one DuckDB database.

Relations: the lake's `events, quotes, experiments, session_labels, quarantine, loads`, and
`sessions`: one row per session with its features, outcomes, `label` (human, agent, unknown) and
`agent_probability` (NULL without a model).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pandas as pd
import pyarrow as pa

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import TABLES, Lake, open_lake
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_store.store import ModelStore
from phantom_core.models.saved_classifier import read_classifier
from phantom_core.use_cases.models.score import score_sessions

LABELS: Final = ("human", "agent", "unknown")

_SESSIONS: Final = """
    CREATE TABLE sessions AS
    SELECT
        m.*,
        CASE WHEN m.is_agent THEN 'agent' WHEN NOT m.is_agent THEN 'human' ELSE 'unknown' END
            AS label,
        s.agent_probability
    FROM matrix AS m LEFT JOIN scores AS s USING (session_id)
    ORDER BY m.session_key"""


# Decisions arrive continuously, and no figure of a snapshot reads them.
STAMPED: Final = tuple(table for table in TABLES if table != "decisions")


@dataclass(frozen=True, slots=True)
class Stamp:
    """Version of a workspace's content; equal stamps give equal pages.

    Attributes:
        workspace: its folder.
        ledger: name of one of the ledger's files, which no other lake has; empty before the first
            load.
        versions: of the tables in STAMPED; -1 for one without a commit.
        model: name of the classifier in use; empty without one.
    """

    workspace: str
    ledger: tuple[str, ...]
    versions: tuple[int, ...]
    model: str


@requires(Permission.READ)
def read_stamp(settings: Settings) -> Stamp:
    """Read the stamp of a workspace, without reading its rows."""
    lake = open_lake(settings)
    versions = tuple(lake.version(table) for table in STAMPED)
    return Stamp(
        str(settings.workspace.resolve()),
        tuple(lake.files("loads")[:1]),
        versions,
        _newest_model(settings),
    )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Immutable data, open to any number of readers.

    Attributes:
        stamp: of its content.
        database: has the relations; every reader takes a cursor of its own.
        n_sessions: count.
        threshold: probability from which the newest classifier calls a session an agent; None where
            there are no probabilities.
        scoring_problem: why the newest classifier cannot score these sessions; empty when it can,
            or when there is none.
    """

    stamp: Stamp
    database: duckdb.DuckDBPyConnection
    n_sessions: int
    threshold: float | None = None
    scoring_problem: str = ""

    def frame(self, query: str, values: Sequence[object] = ()) -> pd.DataFrame:
        """Rows of a query as a data frame."""
        with self.database.cursor() as cursor:
            return cursor.execute(query, list(values)).df()

    def arrow(self, query: str, values: Sequence[object] = ()) -> pa.Table:
        """Rows of a query as an Arrow table."""
        with self.database.cursor() as cursor:
            return cursor.sql(query, params=list(values)).to_arrow_table()

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query as tuples."""
        with self.database.cursor() as cursor:
            return cursor.execute(query, list(values)).fetchall()

    def row(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...]:
        """The only row of a query."""
        return self.rows(query, values)[0]


@requires(Permission.READ)
def open_snapshot(settings: Settings, stamp: Stamp) -> Snapshot:
    """Read a workspace; refreshes the features, and scores every session.

    Args:
        settings: names the workspace.
        stamp: as just read by `read_stamp`.
    """
    lake = open_lake(settings)
    store = FeatureStore(lake)
    store.refresh()
    scores, threshold, problem = _scores(settings, lake) if stamp.model else (_NO_SCORES, None, "")
    database = lake.connect()
    database.register("matrix", store.matrix())
    database.register("scores", scores)
    database.execute(_SESSIONS)
    database.unregister("matrix")
    database.unregister("scores")
    return Snapshot(
        stamp,
        database,
        database.execute("SELECT COUNT(*) FROM sessions").fetchall()[0][0],
        threshold,
        problem,
    )


_NO_SCORES: Final = pa.table(
    {"session_id": pa.array([], pa.string()), "agent_probability": pa.array([], pa.float64())}
)


def _scores(settings: Settings, lake: Lake) -> tuple[pa.Table, float | None, str]:
    """Probabilities, threshold, and why there are none: a damaged model must not break pages."""
    try:
        threshold = read_classifier(
            ModelStore(settings.workspace, CLASSIFIER.name).open()
        ).threshold
        return score_sessions(settings, lake).select(_NO_SCORES.column_names), threshold, ""
    except (DataError, NotFoundError) as error:
        return _NO_SCORES, None, str(error)


def _newest_model(settings: Settings) -> str:
    return ModelStore(settings.workspace, CLASSIFIER.name).in_use() or ""
