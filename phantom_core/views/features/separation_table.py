"""Separation table: every feature's meaning and how well it tells agents from humans, as Arrow."""

from dataclasses import asdict

import pyarrow as pa

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.views.features.features import feature_figures
from phantom_core.views.workspace.snapshot import LABELS, Snapshot


@requires(Permission.READ)
def separation_table(snapshot: Snapshot) -> pa.Table:
    """What each feature means and how well it tells agents from humans, in the catalogue's order.

    Returns:
        feature, family, unit, meaning, null_when, auc (probability that an agent's value is above
        a human's; NULL for a category), auc_low, auc_high (95 % interval), ks (in [0, 1]),
        undefined_human, undefined_agent, undefined_unknown (share of the sessions).
    """
    rows = [
        {
            "feature": found.feature.name,
            "family": found.feature.family,
            "unit": found.feature.unit,
            "meaning": found.feature.meaning,
            "null_when": found.feature.null_when,
            **asdict(found.separation),
            **{f"undefined_{label}": found.null_shares.get(label) for label in LABELS},
        }
        for found in feature_figures(snapshot)
    ]
    numbers = ("auc", "auc_low", "auc_high", "ks", *(f"undefined_{label}" for label in LABELS))
    texts = ("feature", "family", "unit", "meaning", "null_when")
    return pa.Table.from_pylist(
        rows,
        schema=pa.schema(
            [(name, pa.string()) for name in texts] + [(name, pa.float64()) for name in numbers]
        ),
    )
