"""Clusters: unnamed kinds of agents, found by the behaviour of their sessions."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from phantom_core.core.arrays import Floats, Ints
from phantom_core.replay.quotes import real_column

# One feature for each habit of a session: counts that all grow with its length would only separate
# long from short sessions.
_COLUMNS: Final = (
    "total_interactions",
    "avg_time_between_events",
    "std_time_between_events",
    "unique_products_viewed",
    "product_view_depth",
    "cart_to_view_ratio",
    "hover_intensity",
    "filter_events",
)
FEWEST_AGENTS: Final = 30
FEWEST_CLUSTERS: Final = 3
MOST_CLUSTERS: Final = 6
_ROWS_TO_LEARN: Final = 5_000
_ROWS_TO_CHOOSE: Final = 2_000
_LIKELY: Final = 0.5
_FEATURES_NAMED: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Which kind of agent each session would be.

    Attributes:
        code: position in `names`, shape (n_sessions,).
        names: what sets each kind apart, "many unique products, few hovers".
    """

    code: Ints
    names: tuple[str, ...]


def find_clusters(matrix: pa.Table, p_agent: Floats, rng: np.random.Generator) -> Clusters:
    """Group sessions by the behaviour of those that are likely agents.

    Args:
        matrix: features of the sessions, of whole sessions.
        p_agent: label or probability of each, NaN where unknown, shape (n_sessions,).
        rng: starts the search.
    Returns:
        One kind for all where there are fewer than FEWEST_AGENTS likely agents.
    Source: Lloyd 1982, k-means; Rousseeuw 1987, silhouettes choose how many.
    """
    likely = np.flatnonzero(np.nan_to_num(p_agent) >= _LIKELY)
    if likely.size < FEWEST_AGENTS:
        return Clusters(np.zeros(matrix.num_rows, np.int64), ("all agents",))
    values = np.stack(
        [np.log1p(np.maximum(real_column(matrix[name]), 0.0)) for name in _COLUMNS], axis=1
    )
    centre, spread = np.nanmean(values[likely], axis=0), np.nanstd(values[likely], axis=0)
    standard = np.nan_to_num((values - np.nan_to_num(centre)) / np.where(spread > 0, spread, 1.0))
    learned = rng.permutation(likely)[:_ROWS_TO_LEARN]
    # Sets this small are slower on several threads than on one.
    with threadpool_limits(1):
        best = _best(standard[learned], rng)
    code = np.asarray(best.predict(standard), np.int64)
    return Clusters(code, _names(best.cluster_centers_))


def _best(standard: Floats, rng: np.random.Generator) -> KMeans:
    """The number of clusters with the highest silhouette."""
    seed = int(rng.integers(1 << 31))
    shown = standard[:_ROWS_TO_CHOOSE]
    fitted = [
        KMeans(k, n_init=4, random_state=seed).fit(standard)
        for k in range(FEWEST_CLUSTERS, min(MOST_CLUSTERS, standard.shape[0] - 1) + 1)
    ]
    return max(fitted, key=lambda one: _silhouette(shown, one.predict(shown)))


def _silhouette(standard: Floats, code: NDArray[np.int32]) -> float:
    return float(silhouette_score(standard, code)) if np.unique(code).size > 1 else -1.0


def _names(centres: Floats) -> tuple[str, ...]:
    """The features in which each cluster is farthest from the mean of all agents."""
    found: list[str] = []
    for number, centre in enumerate(centres, start=1):
        extreme = np.argsort(-np.abs(centre), kind="stable")[:_FEATURES_NAMED]
        words = ", ".join(
            f"{'high' if centre[k] > 0 else 'low'} {_COLUMNS[k].replace('_', ' ')}" for k in extreme
        )
        found.append(f"{number}: {words}")
    return tuple(found)
