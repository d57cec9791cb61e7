"""Baseline: current outcomes of sessions that are shown a price, to plan an experiment."""

import math
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from phantom_core.approvals.experiment_plan import Metric
from phantom_core.core.errors import DataError
from phantom_core.experiments.experiment_size import Baseline
from phantom_core.experiments.exposures import WINDOW_MS
from phantom_core.experiments.purchase_scores import read_scorer
from phantom_core.features.store import FeatureStore
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


def human_baseline(lake: Lake, start_ms: int) -> Baseline | None:
    """Human purchases a session since a moment, as the guard counts them.

    Args:
        lake: with features that were computed.
        start_ms: UTC milliseconds.
    Returns:
        None where human purchases cannot be told apart, or there are none.
    """
    try:
        matrix = FeatureStore(lake).matrix()
        scorer = read_scorer(lake, matrix)
    except DataError:
        return None
    recent = matrix.filter(pc.greater_equal(matrix["start_ms"], start_ms))
    if not recent.num_rows:
        return None
    is_agent = np.array([np.nan if one is None else one for one in recent["is_agent"].to_pylist()])
    weight = scorer.means.human_weight(scorer.score(recent))
    weight = np.where(np.isnan(is_agent), weight, 1.0 - is_agent)
    human = np.where(recent["purchases"].to_numpy() > 0, weight, 0.0)
    if human.mean() <= 0:
        return None
    return Baseline(float(human.mean()), float(human.std()))
