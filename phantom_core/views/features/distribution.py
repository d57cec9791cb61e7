"""Distribution: the values of one feature in groups of sessions, as bars."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.arrays import Floats
from phantom_core.features.catalogue import Feature
from phantom_core.views.workspace.snapshot import Snapshot

N_BARS: Final = 50
# The highest one in two hundred values would squeeze all others into the first bars.
SHOWN_SHARE: Final = 0.995


@dataclass(frozen=True, slots=True)
class Distribution:
    """Bars of one feature.

    Attributes:
        bars: one row per group and bar; columns group, low, high, sessions, share (of the group's
            sessions where the feature is defined); of a category, value stands in place of low and
            high.
        is_category: bars stand for values, not for ranges.
        n_sessions: sessions where it is defined, by group.
        n_above: of those, sessions above the last bar, count.
        n_not_positive: of those, sessions that a logarithmic scale cannot show, count.
    """

    bars: pd.DataFrame
    is_category: bool
    n_sessions: dict[str, int]
    n_above: int = 0
    n_not_positive: int = 0


@requires(Permission.READ)
def feature_distribution(
    snapshot: Snapshot, feature: Feature, groups: Mapping[str, str], *, is_log: bool = False
) -> Distribution:
    """Cut a feature's values into bars, the same ones for each group.

    Args:
        snapshot: the data.
        feature: to show.
        groups: name → SQL condition on `sessions`.
        is_log: bars of equal width on a logarithmic scale.
    """
    if feature.unit in ("category", "yes/no"):
        return _categories(snapshot, feature, groups)
    values = {name: _values(snapshot, feature, condition) for name, condition in groups.items()}
    n_sessions = {name: len(part) for name, part in values.items()}
    shown = {name: part[part > 0] if is_log else part for name, part in values.items()}
    n_not_positive = sum(n_sessions.values()) - sum(map(len, shown.values()))
    all_values = np.concatenate(list(shown.values()))
    edges = _edges(feature, all_values, is_log) if len(all_values) else np.array([0.0, 1.0])
    bars = [_bars(name, part, edges, n_sessions[name]) for name, part in shown.items()]
    return Distribution(
        pd.concat(bars), False, n_sessions, int((all_values > edges[-1]).sum()), n_not_positive
    )


def _values(snapshot: Snapshot, feature: Feature, condition: str) -> Floats:
    query = (
        f"SELECT CAST({feature.name} AS DOUBLE) AS value FROM sessions WHERE {feature.name} "
        f"IS NOT NULL AND {condition}"
    )
    return snapshot.frame(query)["value"].to_numpy(dtype=np.float64)


def _edges(feature: Feature, values: Floats, is_log: bool) -> Floats:
    """Limits of the bars: around whole numbers where the feature counts, else N_BARS ranges."""
    low, high = float(values.min()), float(np.quantile(values, SHOWN_SHARE))
    if is_log:
        return np.geomspace(low, max(high, 1.01 * low), N_BARS + 1)
    if feature.unit in ("count", "hour"):
        step = max(1.0, np.ceil((high - low + 1) / N_BARS))
        return np.arange(low, high + step + 0.5, step) - 0.5
    return np.linspace(low, high if high > low else low + 1.0, N_BARS + 1)


def _bars(name: str, values: Floats, edges: Floats, n_sessions: int) -> pd.DataFrame:
    counts, _ = np.histogram(values, edges)
    return pd.DataFrame(
        {
            "group": name,
            "low": edges[:-1],
            "high": edges[1:],
            "sessions": counts,
            "share": counts / max(1, n_sessions),
        }
    )


def _categories(snapshot: Snapshot, feature: Feature, groups: Mapping[str, str]) -> Distribution:
    value = (
        f"CASE {feature.name} WHEN TRUE THEN 'yes' ELSE 'no' END"
        if feature.unit == "yes/no"
        else feature.name
    )
    parts = [
        snapshot.frame(
            f"""
            SELECT '{name}' AS "group", {value} AS value, COUNT(*) AS sessions
            FROM sessions WHERE {feature.name} IS NOT NULL AND {condition}
            GROUP BY ALL ORDER BY value"""
        )
        for name, condition in groups.items()
    ]
    n_sessions = {
        name: int(part["sessions"].sum()) for name, part in zip(groups, parts, strict=True)
    }
    shares = [
        part.assign(share=part["sessions"] / max(1, n))
        for part, n in zip(parts, n_sessions.values(), strict=True)
    ]
    return Distribution(pd.concat(shares), True, n_sessions)
