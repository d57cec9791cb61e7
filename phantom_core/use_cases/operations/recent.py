"""Recent sessions: sessions and money of the last weeks, as monitoring reads them."""

import io
import json
from dataclasses import dataclass
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.progress import Progress, no_progress
from phantom_core.core.settings import Settings
from phantom_core.events.schema import OVER_MS
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.model_store.store import ModelStore
from phantom_core.monitoring.comparison import Count, Money
from phantom_core.monitoring.report import Day, LeakageFigure, ModelInUse, WeekFigures
from phantom_core.replay.period import Period
from phantom_core.replay.purchases import read_purchases
from phantom_core.replay.quotes import read_quotes
from phantom_core.replay.reference import constant_reference, leakage_of
from phantom_core.use_cases.markets.calibrate import build_session_index
from phantom_core.use_cases.models.agent_mix import correct_mix
from phantom_core.use_cases.models.score import score_sessions
from phantom_core.use_cases.models.train_classifier import KIND, OUT_OF_FOLD
from phantom_core.use_cases.rules.replay_data import connect_replay_data

DAY_MS: Final = 86_400_000
WEEK_MS: Final = 7 * DAY_MS
# Shown on the page; the last week is compared with the four before.
N_DAYS: Final = 42

_DAYS: Final = """
    SELECT
        m.start_ms - m.start_ms % 86400000 AS start_ms, COUNT(*) AS sessions,
        COUNT(*) FILTER (WHERE s.is_agent_predicted) AS detected,
        COUNT(*) FILTER (WHERE m.purchased) AS purchases,
        COALESCE(SUM(m.total_revenue), 0) AS revenue
    FROM matrix AS m LEFT JOIN scores AS s USING (session_id)
    WHERE m.start_ms >= $start_ms AND m.start_ms < $end_ms GROUP BY 1 ORDER BY 1"""
_WEEK: Final = """
    WITH actors AS (
        SELECT
            COUNT(*) AS n, COUNT(*) FILTER (WHERE s.is_agent_predicted) AS hits,
            COUNT(*) FILTER (WHERE m.purchased) AS buyers,
            CAST(COALESCE(SUM(m.total_revenue), 0) AS DOUBLE) AS revenue
        FROM matrix AS m LEFT JOIN scores AS s USING (session_id)
        WHERE m.start_ms >= $start_ms AND m.start_ms < $end_ms
        GROUP BY COALESCE('experiment:' || m.experiment_id, 'session:' || m.session_id)
    )
    SELECT
        CAST(COALESCE(SUM(n), 0) AS BIGINT), CAST(COALESCE(SUM(hits), 0) AS BIGINT),
        CAST(COALESCE(SUM(buyers), 0) AS BIGINT), COALESCE(SUM(revenue), 0),
        COALESCE(SUM(revenue * revenue), 0), CAST(COALESCE(SUM(hits * hits), 0) AS DOUBLE),
        CAST(COALESCE(SUM(hits * n), 0) AS DOUBLE), CAST(COALESCE(SUM(n * n), 0) AS DOUBLE),
        COUNT(*)
    FROM actors"""
_NO_SCORES: Final = pa.table(
    {"session_id": pa.array([], pa.string()), "is_agent_predicted": pa.array([], pa.bool_())}
)


@dataclass(frozen=True, slots=True)
class Week:
    """Sessions and money of seven days."""

    detected: Count
    money: Money

    def figures(self, *, has_scores: bool) -> WeekFigures:
        """Figures for the report; without scores, agents are None."""
        return WeekFigures(
            self.detected.n,
            int(self.detected.hits) if has_scores else None,
            self.money.purchases,
            self.money.total,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Recent:
    """Sessions that are over, with the predictions of the classifier in use.

    Attributes:
        matrix: of the feature store; without sessions that may still go on, since their features
            differ.
        scores: session_id and is_agent_predicted; without rows where there is no classifier.
        as_of_ms: the last week ends here.
        newest_ms: last event; None without any.
        problem: why there are no scores though there is a classifier; empty where there are.
    """

    matrix: pa.Table
    scores: pa.Table
    as_of_ms: int
    newest_ms: int | None
    problem: str

    @property
    def has_scores(self) -> bool:
        """Whether sessions are scored."""
        return bool(self.scores.num_rows)

    def matrix_of(self, start_ms: int, end_ms: int) -> pa.Table:
        """Sessions that began in a period."""
        begun = self.matrix["start_ms"]
        return self.matrix.filter(
            pc.and_(pc.greater_equal(begun, start_ms), pc.less(begun, end_ms))
        )

    def week(self, n: int) -> Week:
        """Seven days: -1 the last ones, -2 those before."""
        end_ms = self.as_of_ms + (n + 1) * WEEK_MS
        [row] = self._rows(_WEEK, end_ms - WEEK_MS, end_ms)
        sessions, detected, buyers, revenue, squares, hits_hits, hits_n, n_n, actors = row
        return Week(
            Count(detected, int(sessions), hits_hits, hits_n, n_n, int(actors)),
            Money(revenue, squares, int(buyers)),
        )

    def days(self) -> tuple[Day, ...]:
        """The last weeks day by day; a day without sessions is left out."""
        rows = self._rows(_DAYS, self.as_of_ms - N_DAYS * DAY_MS, self.as_of_ms)
        return tuple(
            Day(int(start), int(n), int(found) if self.has_scores else None, int(buyers), revenue)
            for start, n, found, buyers, revenue in rows
        )

    def _rows(self, query: str, start_ms: int, end_ms: int) -> list[tuple[float, ...]]:
        with duckdb.connect() as connection:
            connection.register("matrix", self.matrix)
            connection.register("scores", self.scores)
            rows: list[tuple[float, ...]] = connection.execute(
                query, {"start_ms": start_ms, "end_ms": end_ms}
            ).fetchall()
        return rows


@requires(Permission.READ)
def read_recent(
    settings: Settings, lake: Lake, now_ms: int, progress: Progress = no_progress
) -> Recent:
    """Read sessions and their scores.

    Args:
        settings: workspace.
        lake: whose feature store is fresh.
        now_ms: when this is, UTC milliseconds.
        progress: called while scoring.
    """
    matrix = FeatureStore(lake).matrix()
    scores, problem = _NO_SCORES, ""
    if ModelStore(settings.workspace, KIND).in_use() and matrix.num_rows:
        try:
            scores = score_sessions(settings, lake, progress=progress).select(
                _NO_SCORES.column_names
            )
        except (DataError, NotFoundError) as error:
            problem = str(error)
    newest_ms = pc.max(matrix["end_ms"]).as_py()
    matrix = matrix.filter(pc.less_equal(matrix["end_ms"], now_ms - OVER_MS))
    as_of_ms = now_ms if newest_ms is None or now_ms - newest_ms < WEEK_MS else newest_ms + 1
    return Recent(matrix, scores, as_of_ms, newest_ms, problem)


@requires(Permission.READ)
def models_in_use(settings: Settings) -> tuple[ModelInUse, ...]:
    """Models in use whose manifest can be read."""
    found = []
    for kind in MODEL_KINDS.names():
        store = ModelStore(settings.workspace, kind)
        try:
            manifest = store.open().manifest
        except (DataError, NotFoundError):
            continue
        why = next(
            (move.why for move in reversed(store.promotions()) if move.version == manifest.version),
            "",
        )
        found.append(ModelInUse(kind, manifest.version, manifest.created_ms, why))
    return tuple(found)


@requires(Permission.READ)
def training_sessions(settings: Settings) -> pa.Array | None:
    """Ids of the training sessions of the classifier in use; None where none can be read."""
    try:
        content = ModelStore(settings.workspace, KIND).open().read(OUT_OF_FOLD)
    except (DataError, NotFoundError):
        return None
    return pq.read_table(io.BytesIO(content), columns=["session_id"])["session_id"].combine_chunks()


@requires(Permission.READ)
def quarantined(lake: Lake, since_ms: int) -> tuple[int, int]:
    """Rows in quarantine, and rows read, of the loads since a moment."""
    with lake.connect(("loads",)) as connection:
        rows = connection.execute(
            "SELECT quarantined, rows_read FROM loads WHERE loaded_ms >= ?", [since_ms]
        ).fetchall()
    return sum(sum(json.loads(reasons).values()) for reasons, _ in rows), sum(n for _, n in rows)


@requires(Permission.READ)
def leakage_of_week(
    settings: Settings, lake: Lake, start_ms: int, end_ms: int
) -> LeakageFigure | None:
    """Expected leakage of a period under the constant reference price; None where undefined."""
    matrix = FeatureStore(lake).matrix()
    if not matrix.num_rows:
        return None
    scores = None
    if ModelStore(settings.workspace, KIND).in_use():
        try:
            scores = score_sessions(settings, lake)
        except (DataError, NotFoundError):
            scores = None
    sessions = correct_mix(
        settings,
        matrix,
        build_session_index(matrix, scores),
        np.random.default_rng(settings.seed),
    ).sessions
    with connect_replay_data(settings) as connection:
        quotes = read_quotes(connection, sessions, Period(start_ms, end_ms))
        purchases = read_purchases(connection, sessions, quotes, Period(start_ms, end_ms))
    p_agent = sessions.best_known[purchases.session]
    if not p_agent.size or np.isnan(p_agent).all():
        return None
    money = float(
        (
            np.nan_to_num(p_agent)
            * leakage_of(purchases, constant_reference(purchases, settings.leakage_terms))
        ).sum()
    )
    revenue = float(np.nan_to_num(purchases.revenue).sum())
    return LeakageFigure(money, money / revenue if revenue else None)
