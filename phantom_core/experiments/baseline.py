"""Baseline: current outcomes of sessions that are shown a price, to plan an experiment."""

import math
from dataclasses import dataclass

from phantom_core.approvals.experiment_plan import Metric
from phantom_core.experiments.experiment_size import Baseline
from phantom_core.experiments.exposures import WINDOW_MS
from phantom_core.lake.lake import Lake
from phantom_core.replay.quotes import connect_quotes, read_sql


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Sessions that were shown a price since some day.

    Attributes:
        sessions: count.
        by_metric: their mean outcome and spread, by metric.
    """

    sessions: int
    by_metric: dict[Metric, Baseline]


def read_outcomes(lake: Lake, start_ms: int) -> Outcomes:
    """Outcomes of the sessions since a moment, UTC milliseconds; NaN where there are none."""
    with connect_quotes(lake) as connection:
        connection.execute("CREATE TABLE wanted (start_ms BIGINT, window_ms BIGINT)")
        connection.execute("INSERT INTO wanted VALUES (?, ?)", [start_ms, WINDOW_MS])
        ((sessions, *figures),) = connection.execute(read_sql("session_outcomes")).fetchall()
    revenue, revenue_sd, conversion, conversion_sd, per_day = (
        math.nan if one is None else float(one) for one in figures
    )
    by_metric: dict[Metric, Baseline] = {
        "revenue": Baseline(revenue, revenue_sd, per_day),
        "conversion": Baseline(conversion, conversion_sd, per_day),
    }
    return Outcomes(int(sessions), by_metric)
