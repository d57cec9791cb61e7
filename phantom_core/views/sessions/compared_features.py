"""Compared features: one session's features beside those of humans and of agents."""

from collections.abc import Iterable
from math import isnan
from typing import Any, Final

import pandas as pd

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.features.catalogue import FEATURES, Feature
from phantom_core.views.workspace.snapshot import Snapshot

CLASSES: Final = ("human", "agent")
# More labelled sessions move no median visibly. Session keys are hashes: those with the
# lowest ones are a random sample.
MAX_SESSIONS: Final = 50_000
_LABELLED: Final = (
    f"(SELECT * FROM sessions WHERE is_agent IS NOT NULL ORDER BY session_key LIMIT {MAX_SESSIONS})"
)
_RANKED: Final = tuple(feature for feature in FEATURES if feature.unit != "category")


@requires(Permission.READ)
def compared_features(snapshot: Snapshot, session_key: int) -> pd.DataFrame:
    """Compare a session's features with those of humans and agents.

    Args:
        snapshot: the data.
        session_key: of a session it holds.
    Returns:
        One row per feature: name, family, unit, meaning, value, human_typical and agent_typical
        (median; of a category the most common value), human_below and agent_below (share of their
        sessions with a smaller value, ties counting half; NULL where undefined).
    """
    values = snapshot.frame("SELECT * FROM sessions WHERE session_key = ?", [session_key]).iloc[0]
    typical, below = _typical(snapshot), _below(snapshot, session_key)
    return pd.DataFrame(
        {
            "name": [feature.name for feature in FEATURES],
            "family": [feature.family for feature in FEATURES],
            "unit": [feature.unit for feature in FEATURES],
            "meaning": [feature.meaning for feature in FEATURES],
            "value": _cells(_plain(values[feature.name]) for feature in FEATURES),
            **{
                f"{label}_typical": _cells(_cell(typical, label, feature) for feature in FEATURES)
                for label in CLASSES
            },
            **{
                f"{label}_below": [_cell(below, label, feature) for feature in FEATURES]
                for label in CLASSES
            },
        }
    ).astype({f"{label}_below": "float64" for label in CLASSES})


def _typical(snapshot: Snapshot) -> pd.DataFrame:
    """Median of each feature, or the most common category, by class."""
    middle = [
        f"QUANTILE_CONT(CAST({feature.name} AS DOUBLE), 0.5) AS {feature.name}"
        for feature in _RANKED
    ]
    common = [
        f"MODE({feature.name}) AS {feature.name}" for feature in FEATURES if feature not in _RANKED
    ]
    return snapshot.frame(
        f"SELECT label, {', '.join(middle + common)} FROM {_LABELLED} GROUP BY label"
    )


def _below(snapshot: Snapshot, session_key: int) -> pd.DataFrame:
    """Share of the sessions of each class that lie below this one, by feature."""
    shares = [
        f"(COUNT(*) FILTER (WHERE s.{name} < t.{name}) + 0.5 * COUNT(*) FILTER (WHERE s.{name} = "
        f"t.{name}))"
        f" / NULLIF(COUNT(*) FILTER (WHERE s.{name} IS NOT NULL AND t.{name} IS NOT NULL), 0) AS "
        f"{name}"
        for name in (feature.name for feature in _RANKED)
    ]
    return snapshot.frame(
        f"""
        SELECT s.label, {", ".join(shares)}
        FROM {_LABELLED} AS s
        CROSS JOIN (SELECT * FROM sessions WHERE session_key = ?) AS t
        GROUP BY s.label""",
        [session_key],
    )


def _cell(by_label: pd.DataFrame, label: str, feature: Feature) -> object:
    rows = by_label[by_label["label"] == label]
    return (
        _plain(rows[feature.name].iloc[0]) if len(rows) and feature.name in rows.columns else None
    )


def _cells(values: Iterable[object]) -> "pd.Series[Any]":
    """A column that holds numbers, text and None as they are."""
    return pd.Series(list(values), dtype=object)


def _plain(value: object) -> object:
    """A cell with None in place of NaN and NA."""
    return (
        None
        if value is None or value is pd.NA or (isinstance(value, float) and isnan(value))
        else value
    )
