"""Exposures: sessions in an arm of a price experiment, and their outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import duckdb
import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.lake.lake import Lake
from phantom_core.replay.quotes import number_column, read_sql, real_column

RELATIONS: Final = ("decisions", "events", "session_labels", "experiments")
# Purchases later than this after the first exposure are not counted: the outcome is final by then.
WINDOW_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True, eq=False)
class Exposures:
    """Sessions in the order of their first exposure, arrays of shape (n,).

    Attributes:
        arm: position of the arm.
        first_ms: when, UTC milliseconds.
        p_agent: label, else the first P(agent) known then or soon after; NaN where unknown.
        bought: whether the session bought within the window, 1 or 0.
        revenue: of the session within the window, currency.
    """

    arm: Ints
    first_ms: Ints
    p_agent: Floats
    bought: Floats
    revenue: Floats

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
    """

    settled: Exposures
    waiting: int
    mixed: int


def read_exposures(lake: Lake, experiment_id: str, arms: Sequence[str], now_ms: int) -> Exposed:
    """Read an experiment's exposures.

    Args:
        lake: decisions and events.
        experiment_id: which experiment.
        arms: their names, in order.
        now_ms: the clock, UTC milliseconds.
    """
    with lake.connect(RELATIONS) as connection:
        return _read(connection, experiment_id, arms, now_ms)


def _read(
    connection: duckdb.DuckDBPyConnection, experiment_id: str, arms: Sequence[str], now_ms: int
) -> Exposed:
    connection.execute("CREATE TABLE wanted (price_experiment VARCHAR, window_ms BIGINT)")
    connection.execute("INSERT INTO wanted VALUES (?, ?)", [experiment_id, WINDOW_MS])
    table = connection.sql(read_sql("exposures")).to_arrow_table()
    place = {name: k for k, name in enumerate(arms)}
    arm = np.array([place.get(name, -1) for name in table["variant"].to_pylist()], np.int64)
    first_ms = number_column(table["first_ms"])
    read = Exposures(
        arm,
        first_ms,
        real_column(table["p_agent"]),
        (real_column(table["purchases"]) > 0).astype(np.float64),
        real_column(table["revenue"]),
    )
    is_mixed = (number_column(table["n_variants"]) > 1) | (arm < 0)
    is_final = first_ms + WINDOW_MS <= now_ms
    return Exposed(
        read[is_final & ~is_mixed], int((~is_final & ~is_mixed).sum()), int(is_mixed.sum())
    )
