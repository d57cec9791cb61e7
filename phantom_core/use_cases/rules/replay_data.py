"""Replay data: what rules and the leakage ledger read of the sessions of a period."""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.features.aggregate import sql_hash
from phantom_core.features.catalogue import feature_names
from phantom_core.features.domains import P_AGENT
from phantom_core.features.store import FeatureStore, version_of
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.market.calibration.add_to_cart_quotes import SessionIndex
from phantom_core.model_store.result_store import replace_table
from phantom_core.replay.features_at_quote import (
    AsOf,
    columns_of,
    features_at_quotes,
    features_at_session_end,
)
from phantom_core.replay.period import Period
from phantom_core.replay.purchases import Purchases, read_purchases
from phantom_core.replay.quotes import Quotes, connect_quotes, read_quotes
from phantom_core.rules.evaluate import Column
from phantom_core.rules.rule_set import RuleSet
from phantom_core.use_cases.markets.calibrate import build_session_index
from phantom_core.use_cases.models.model_use import pricing_version
from phantom_core.use_cases.models.score import score_sessions
from phantom_core.use_cases.models.score_at_quotes import QuoteScorer, open_quote_scorer
from phantom_core.use_cases.models.train_classifier import KIND

FOLDER: Final = "replays"
_SEEN: Final = "seen"


@dataclass(frozen=True, slots=True, eq=False)
class ReplayData:
    """Sessions, quotes and purchases of a period.

    Attributes:
        lake_version: of the events.
        matrix: features of all sessions, in the order of `sessions`.
        sessions: index of all sessions, with labels and probabilities.
        is_within: sessions that the period touches, shape (n_sessions,).
        quotes: of the period.
        purchases: of the period.
        features_at_quote: what rules read at each quote.
        p_agent_then: P(agent) as known just before each quote, shape (n_quotes,).
    """

    lake_version: int
    matrix: pa.Table
    sessions: SessionIndex
    is_within: NDArray[np.bool_]
    quotes: Quotes
    purchases: Purchases
    features_at_quote: Mapping[str, Column]
    p_agent_then: NDArray[np.float64]


@requires(Permission.READ)
def read_replay_data(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    read_by: Sequence[RuleSet],
    *,
    period: Period,
    as_of: AsOf,
    every_feature: bool = False,
    progress: Progress = no_progress,
) -> ReplayData:
    """Read the replay data of a period.

    Args:
        settings: workspace.
        connection: of `connect_replay_data`.
        read_by: rule sets whose features are needed.
        period: which days.
        as_of: up to which moment rules read a session.
        every_feature: whether all features are needed, not only those that rules read.
        progress: called after every step.
    Raises:
        DataError: no session in the period, or rules read P(agent) and the classifier learned from
            whole sessions only.
    """
    lake = open_lake(settings)
    store = FeatureStore(lake)
    store.refresh(part_progress(progress, 0, 0.2))
    matrix = store.matrix()
    version = pricing_version(settings, KIND)
    sessions = build_session_index(
        matrix,
        score_sessions(settings, lake, version=version, progress=part_progress(progress, 0.2, 0.3))
        if version
        else None,
    )
    scorer = open_quote_scorer(settings, version, read_by)
    is_within = (sessions.end_ms >= period.start_ms) & (sessions.start_ms < period.end_ms)
    if not is_within.any():
        raise DataError(
            "There are no sessions in this period.", hint="Choose other days, or load events first."
        )
    progress(0.3, "reading quotes")
    all_quotes = read_quotes(connection, sessions, Period())
    wanted = [
        *dict.fromkeys(
            (
                P_AGENT,
                *(feature for rules in read_by for feature in rules.features),
                *(feature_names() if every_feature else ()),
            )
        )
    ]
    features, saving = _features_at_quotes(
        settings, lake, matrix, sessions, all_quotes, scorer, wanted, progress
    )
    chosen = (all_quotes.event_ms >= period.start_ms) & (all_quotes.event_ms < period.end_ms)
    quotes = all_quotes[chosen]
    progress(0.8, "reading purchases")
    purchases = read_purchases(connection, sessions, quotes, period)
    is_within[quotes.session] = is_within[purchases.session] = True
    columns = columns_of(features.filter(pa.array(chosen)))
    at_quote = columns if as_of == "quote" else features_at_session_end(matrix, sessions, quotes)
    saving.result()
    return ReplayData(
        version_of(matrix),
        matrix,
        sessions,
        is_within,
        quotes,
        purchases,
        at_quote,
        np.asarray(columns[P_AGENT], np.float64),
    )


@requires(Permission.READ)
def connect_replay_data(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A connection to the lake with the views that `read_replay_data` needs."""
    return connect_quotes(open_lake(settings))


@needs_no_permission
def at_purchases(data: ReplayData) -> tuple[ReplayData, NDArray[np.int64]]:
    """Restrict to purchases that were quoted in the period; also returns the quote of each."""
    quoted = data.purchases.quote >= 0
    return replace(data, purchases=data.purchases[quoted]), data.purchases.quote[quoted]


def _features_at_quotes(
    settings: Settings,
    lake: Lake,
    matrix: pa.Table,
    sessions: SessionIndex,
    quotes: Quotes,
    scorer: QuoteScorer | None,
    wanted: Sequence[str],
    progress: Progress,
) -> tuple[pa.Table, Future[None]]:
    """Features at each quote, and the write of their cache file.

    They do not depend on rules, so the file serves the next rule set too.
    """
    files = lake.files("events")
    about = (
        *files,
        *lake.files("quotes"),
        *lake.files("decisions"),
        sql_hash(),
        scorer.classifier.version if scorer else "",
        str(quotes.session.size),
    )
    path = (
        settings.workspace
        / FOLDER
        / _SEEN
        / f"{hashlib.sha256('|'.join(about).encode()).hexdigest()[:24]}.parquet"
    )
    try:
        return pq.read_table(path, columns=list(wanted)), _done()
    except (OSError, pa.ArrowException):
        progress(0.35, f"computing features before each of {quotes.session.size:,} quotes")
    features = features_at_quotes(
        files, sessions, quotes, scorer.of_sessions(matrix) if scorer else None
    )
    executor = ThreadPoolExecutor(1)
    saving = executor.submit(_save_cache, path, features)
    executor.shutdown(wait=False)
    return features.select(wanted), saving


def _done() -> Future[None]:
    """A future that is done: there is nothing to write."""
    done: Future[None] = Future()
    done.set_result(None)
    return done


def _save_cache(path: Path, features: pa.Table) -> None:
    """Write the cache file, in place of those of other data."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_table(path, features, compression="lz4")
    for earlier in path.parent.glob("*.parquet"):
        if earlier != path:
            earlier.unlink(missing_ok=True)


@needs_no_permission
def sessions_of(data: ReplayData, visit: NDArray[np.int64]) -> pa.Table:
    """Session, start, store, label, family and P(agent) of some sessions."""
    rows = pa.array(visit)
    matrix = data.matrix.select(
        ["session_id", "start_ms", "store_mode", "is_agent", "family"]
    ).take(rows)
    label = pc.if_else(matrix["is_agent"], "agent", "human")
    known = data.sessions.p_agent[visit]
    columns = {
        "session_id": matrix["session_id"],
        "start_ms": matrix["start_ms"],
        "store_mode": matrix["store_mode"],
    }
    return pa.table(
        {
            **columns,
            "label": pc.fill_null(label, "unknown"),
            "family": matrix["family"],
            "agent_probability": pa.array(known, from_pandas=True),
        }
    )
