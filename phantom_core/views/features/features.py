"""Features: how well each one separates agents from humans, and how far it drifts."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import InputError
from phantom_core.features.catalogue import CATEGORIES, FEATURES, Feature, feature_names
from phantom_core.models.encoding import encode_features
from phantom_core.models.splits import actor_codes
from phantom_core.monitoring.drift import FeatureDrift, measure_drift
from phantom_core.views.features.separation import (
    Separation,
    category_separation,
    measure_separation,
)
from phantom_core.views.workspace.snapshot import LABELS, Snapshot

# More sessions change no figure visibly; they only take longer.
MAX_SESSIONS: Final = 200_000


@dataclass(frozen=True, slots=True)
class FeatureFigures:
    """Figures of one feature.

    Attributes:
        null_shares: share of sessions in which it is undefined, by label, in [0, 1].
    """

    feature: Feature
    separation: Separation
    null_shares: dict[str, float]


@dataclass(frozen=True, slots=True)
class ComparedPeriod:
    """A stretch of time, UTC milliseconds; the end is not part of it."""

    start_ms: int
    end_ms: int

    @property
    def sql(self) -> str:
        """Condition on `sessions`."""
        return f"start_ms >= {self.start_ms} AND start_ms < {self.end_ms}"


@needs_no_permission
def feature_view(name: str) -> Feature:
    """A feature by name.

    Raises:
        InputError: there is none of that name.
    """
    found = next((item for item in FEATURES if item.name == name), None)
    if found is None:
        raise InputError(f"There is no feature '{name}'.", hint="Choose one from the list.")
    return found


@requires(Permission.READ)
def feature_figures(snapshot: Snapshot) -> tuple[FeatureFigures, ...]:
    """Every feature's separation and NULL shares, in the order of the catalogue.

    Args:
        snapshot: the data; above MAX_SESSIONS labelled sessions, a random sample is measured.
    """
    labelled = _sample(snapshot, "is_agent IS NOT NULL", "session_id, experiment_id, is_agent")
    is_agent, actor = (
        labelled["is_agent"].to_numpy(zero_copy_only=False).astype(np.bool_),
        actor_codes(labelled),
    )
    undefined = _null_shares(snapshot)
    return tuple(
        FeatureFigures(
            item,
            _separation(labelled, item, is_agent, actor),
            {label: row[item.name] for label, row in undefined.items()},
        )
        for item in FEATURES
    )


@requires(Permission.READ)
def feature_drift(
    snapshot: Snapshot, before: ComparedPeriod, after: ComparedPeriod
) -> tuple[FeatureDrift, ...]:
    """Drift of each feature, the largest first.

    Raises:
        DataError: a period has no session.
    """
    parts = [_sample(snapshot, period.sql, "session_id") for period in (before, after)]
    return measure_drift(parts[0], parts[1], feature_names())


def _separation(
    labelled: pa.Table,
    item: Feature,
    is_agent: np.typing.NDArray[np.bool_],
    actor: np.typing.NDArray[np.int64],
) -> Separation:
    values = encode_features(labelled, [item.name])[:, 0].astype(np.float64)
    if item.name in CATEGORIES:
        return category_separation(np.nan_to_num(values, nan=-1).astype(np.int64), is_agent)
    return measure_separation(values, is_agent, actor)


def _null_shares(snapshot: Snapshot) -> dict[str, dict[str, float]]:
    shares = ", ".join(
        f"AVG(CASE WHEN {item.name} IS NULL THEN 1.0 ELSE 0.0 END) AS {item.name}"
        for item in FEATURES
    )
    found = snapshot.frame(f"SELECT label, {shares} FROM sessions GROUP BY label").set_index(
        "label"
    )
    rows = {
        str(label): {str(name): float(value) for name, value in row.items()}
        for label, row in found.iterrows()
    }
    return {label: rows[label] for label in LABELS if label in rows}


def _sample(snapshot: Snapshot, condition: str, columns: str) -> pa.Table:
    """Up to MAX_SESSIONS sessions with all features.

    Session keys are hashes, so those with the lowest ones are a random sample.
    """
    return snapshot.arrow(
        f"SELECT {columns}, {', '.join(feature_names())} FROM sessions WHERE {condition} ORDER BY "
        f"session_key LIMIT {MAX_SESSIONS}"
    )
