"""Exposures: sessions in an arm of a price experiment, and their outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.errors import DataError
from phantom_core.events.schema import STORE_MODES
from phantom_core.experiments.human_purchases import ScoreMeans
from phantom_core.experiments.purchase_scores import read_scorer
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake
from phantom_core.replay.quotes import code_values, number_column, read_sql, real_column

RELATIONS: Final = ("decisions", "events", "session_labels", "experiments")
# Purchases later than this after the first exposure are not counted: the outcome is final by then.
WINDOW_MS: Final = 3_600_000
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True, eq=False)
class Exposures:
    """Sessions in the order of their first exposure, arrays of shape (n,).

    Attributes:
        arm: position of the arm.
        first_ms: when, UTC milliseconds.
        actor: number of the actor: errors are clustered by it.
        p_agent: label, else the first P(agent) known then or soon after; NaN where unknown.
        label: 1 for an agent, 0 for a human, NaN without a label.
        score: how much the whole session looks like an agent's, whatever it was quoted; NaN where
            it could not be scored.
        bought: whether the session bought within the window, 1 or 0.
        revenue: of the session within the window, currency.
        covariates: what was known before the first price, shape (n, n_covariates).
        store: position in STORE_MODES, -1 where unknown.
        is_returning: whether the actor had a session before.
    """

    arm: Ints
    first_ms: Ints
    actor: Ints
    p_agent: Floats
    label: Floats
    score: Floats
    bought: Floats
    revenue: Floats
    covariates: Floats
    store: Ints
    is_returning: NDArray[np.bool_]

    @classmethod
    def plain(
        cls, arm: Ints, first_ms: Ints, p_agent: Floats, bought: Floats, revenue: Floats
    ) -> "Exposures":
        """Sessions that stand alone, of which nothing else is known."""
        unknown = np.full(arm.size, np.nan)
        return cls(
            arm,
            first_ms,
            np.arange(arm.size),
            p_agent,
            unknown,
            unknown,
            bought,
            revenue,
            np.empty((arm.size, 0)),
            np.full(arm.size, -1),
            np.zeros(arm.size, np.bool_),
        )

    def __len__(self) -> int:
        return self.arm.size

    def __getitem__(self, rows: NDArray[np.bool_]) -> "Exposures":
        return Exposures(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def p_human(self) -> Floats:
        """Probability of a human; an unknown session counts as human."""
        return 1.0 - np.nan_to_num(self.p_agent)


@dataclass(frozen=True, slots=True, eq=False)
class Exposed:
    """Sessions exposed to an experiment.

    Attributes:
        settled: sessions whose window is over.
        waiting: how many are still within it.
        mixed: how many were exposed to two arms and are left out.
        means: of the scores of labelled purchases; None where human purchases cannot be told apart.
    """

    settled: Exposures
    waiting: int
    mixed: int
    means: ScoreMeans | None = None


def read_exposures(lake: Lake, experiment_id: str, arms: Sequence[str], now_ms: int) -> Exposed:
    """Read an experiment's exposures.

    Args:
        lake: decisions and events.
        experiment_id: which experiment.
        arms: their names, in order.
        now_ms: the clock, UTC milliseconds.
    """
    with lake.connect(RELATIONS) as connection:
        return exposed_of(lake, connection, experiment_id, arms, now_ms)


def exposed_of(
    lake: Lake,
    connection: duckdb.DuckDBPyConnection,
    experiment_id: str,
    arms: Sequence[str],
    now_ms: int,
) -> Exposed:
    """The same of a connection with the views of RELATIONS."""
    connection.execute("CREATE TABLE wanted (price_experiment VARCHAR, window_ms BIGINT)")
    connection.execute("INSERT INTO wanted VALUES (?, ?)", [experiment_id, WINDOW_MS])
    table = connection.sql(read_sql("exposures")).to_arrow_table()
    score, means = _scores(lake, table)
    read, n_variants = _exposures(table, score, arms), number_column(table["n_variants"])
    is_mixed = (n_variants > 1) | (read.arm < 0)
    is_final = read.first_ms + WINDOW_MS <= now_ms
    return Exposed(
        read[is_final & ~is_mixed],
        int((~is_final & ~is_mixed).sum()),
        int(is_mixed.sum()),
        means,
    )


def _exposures(table: pa.Table, score: Floats, arms: Sequence[str]) -> Exposures:
    place = {name: k for k, name in enumerate(arms)}
    first_ms = number_column(table["first_ms"])
    actor, _ = code_values(table["actor"])
    p_first = real_column(table["first_p_agent"])
    hour = 2 * np.pi * (first_ms % _DAY_MS) / _DAY_MS
    covariates = [
        np.log(np.maximum(real_column(table["first_base_price"]), 0.01)),
        p_first,
        p_first**2,
        np.sin(hour),
        np.cos(hour),
        np.log1p(real_column(table["earlier_sessions"])),
        np.log1p(real_column(table["earlier_purchases"])),
    ]
    label = real_column(table["is_agent"])
    return Exposures(
        arm=np.array([place.get(name, -1) for name in table["variant"].to_pylist()], np.int64),
        first_ms=first_ms,
        actor=actor,
        p_agent=np.where(np.isnan(label), p_first, label),
        label=label,
        score=score,
        bought=(real_column(table["purchases"]) > 0).astype(np.float64),
        revenue=real_column(table["revenue"]),
        covariates=np.stack(covariates, axis=1),
        store=np.asarray(
            pc.fill_null(pc.index_in(table["store_mode"], value_set=pa.array(STORE_MODES)), -1),
            np.int64,
        ),
        is_returning=real_column(table["earlier_sessions"]) > 0,
    )


def _scores(lake: Lake, table: pa.Table) -> tuple[Floats, ScoreMeans | None]:
    """Scores of the sessions; no means where labelled purchases do not tell the classes apart."""
    unknown = np.full(table.num_rows, np.nan)
    try:
        store = FeatureStore(lake)
        store.refresh()
        matrix = store.matrix()
        scorer = read_scorer(lake, matrix)
    except DataError:
        return unknown, None
    row = pc.index_in(table["session_key"], value_set=matrix["session_key"].combine_chunks())
    found = row.is_valid().to_numpy()
    unknown[found] = scorer.score(matrix.take(row.drop_null()))
    return unknown, scorer.means
