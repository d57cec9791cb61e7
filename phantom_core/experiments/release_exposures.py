"""Release exposures: sessions of a rollout's stage, in the canary and outside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from phantom_core.approvals.rollout_stage import RolloutStage
from phantom_core.core.arrays import Floats
from phantom_core.experiments.exposures import RELATIONS, Exposed, exposed_of
from phantom_core.lake.lake import Lake
from phantom_core.publishing.canary import in_canary
from phantom_core.replay.quotes import read_sql, real_column

ARMS: Final = ("control", "canary")
_NAME: Final = "rollout"
# Prices of these sources are the same in the canary and outside it.
_NO_CHOICE: Final = "('kill_switch', 'session_price')"


@dataclass(frozen=True, slots=True, eq=False)
class StageHealth:
    """How sessions were priced, arrays of shape (n,) in the order of arrival.

    Attributes:
        is_canary: whether the session is in the canary.
        failed: whether it met rules or a model that could not be used, 1 or 0.
        slow: whether one of its prices took too long, 1 or 0.
    """

    is_canary: NDArray[np.bool_]
    failed: Floats
    slow: Floats


def read_stage(
    lake: Lake,
    stage: RolloutStage,
    *,
    live_arms: Sequence[tuple[str, str]],
    slow_ms: float,
    now_ms: int,
) -> tuple[Exposed, StageHealth]:
    """Read the sessions that began in a stage.

    Whether a session is in the canary follows from its id, whatever it was shown: what a version
    fails to price counts as its own.

    Args:
        lake: decisions, events and labels.
        stage: of the rollout.
        live_arms: experiments and their arms that serve what is live.
        slow_ms: a decision that takes longer is slow.
        now_ms: the clock, UTC milliseconds.
    """
    with lake.connect(RELATIONS) as connection:
        _narrow(connection, stage, live_arms)
        connection.execute("CREATE TABLE wanted_health AS SELECT ? AS slow_ms", [slow_ms])
        health = connection.sql(read_sql("release_health")).to_arrow_table()
        exposed = exposed_of(lake, connection, _NAME, ARMS, now_ms)
    is_canary = np.array([one == ARMS[1] for one in health["variant"].to_pylist()], np.bool_)
    found = StageHealth(is_canary, real_column(health["failed"]), real_column(health["slow"]))
    return exposed, found


def _narrow(
    connection: duckdb.DuckDBPyConnection,
    stage: RolloutStage,
    live_arms: Sequence[tuple[str, str]],
) -> None:
    """Let `decisions` show those of the stage, with the arm of their session."""
    connection.execute(
        "CREATE TABLE stage AS SELECT UNNEST(?::BIGINT[]) AS epoch", [list(stage.epochs)]
    )
    connection.execute("CREATE TABLE live_arms (price_experiment VARCHAR, variant VARCHAR)")
    if live_arms:
        connection.executemany("INSERT INTO live_arms VALUES (?, ?)", [list(a) for a in live_arms])
    sessions = connection.sql(read_sql("release_sessions")).to_arrow_table()
    variants = [
        ARMS[in_canary(one, stage.salt, stage.share)] for one in sessions["session_id"].to_pylist()
    ]
    arms = sessions.select(["session_key"]).append_column(
        "variant", pa.array(variants, pa.string())
    )
    connection.register("arms_of_sessions", arms)
    connection.execute("ALTER VIEW decisions RENAME TO logged_decisions")
    connection.execute(
        f"CREATE VIEW decisions AS SELECT d.* REPLACE ('{_NAME}' AS price_experiment, "
        "a.variant AS variant) FROM logged_decisions AS d JOIN arms_of_sessions AS a "
        f"ON a.session_key = d.session_key WHERE d.source NOT IN {_NO_CHOICE}"
    )
