"""Frontiers of a workspace, and their points as a table."""

import pandas as pd

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.estimate import format_relative_change, format_signed_share
from phantom_core.core.settings import Settings
from phantom_core.policy_learning.frontier import PolicyFrontier, ReachedPoint
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import parse_rules
from phantom_core.use_cases.rules.trace_frontier import frontier_store, open_frontier

_SOURCES = {
    "log": "recorded shoppers, at prices that an experiment drew",
    "calibrated market": "simulated shoppers, as sensitive to prices as this shop's were measured",
    "invented market": "simulated shoppers with invented sensitivities, not this shop's",
}


@requires(Permission.READ)
def frontier_versions(settings: Settings) -> tuple[str, ...]:
    """Frontiers that can be read, the newest first."""
    found = []
    for version in frontier_store(settings).names():
        try:
            open_frontier(settings, version)
        except (DataError, NotFoundError):
            continue
        found.append(version)
    return tuple(found)


@requires(Permission.READ)
def frontier_view(settings: Settings, version: str | None = None) -> PolicyFrontier:
    """A frontier; None means the newest.

    Raises:
        NotFoundError: there is none.
        DataError: its file is damaged.
    """
    return open_frontier(settings, version)


@needs_no_permission
def source_text(frontier: PolicyFrontier) -> str:
    """Whose purchases the figures rest on, one phrase."""
    return _SOURCES[frontier.learned_from.source]


@needs_no_permission
def point_rules(frontier: PolicyFrontier, point: ReachedPoint) -> RuleSet:
    """The rules of a learned point, under a name that a rule set may have."""
    return parse_rules(point.rules, f"{frontier.version}-{point.name}")


@needs_no_permission
def point_sentence(point: ReachedPoint) -> str:
    """What a policy changes, one sentence."""
    changes = point.figures.by_curves
    parts = [
        f"{name} {format_relative_change(one)}"
        for name, one in (
            ("leakage", changes.leakage),
            ("revenue", changes.revenue),
            ("human purchases", changes.human_conversion),
        )
    ]
    premium = format_signed_share(point.figures.human_premium.value)
    return f"{point.title}: {', '.join(parts)}; humans are quoted {premium} on average."


@needs_no_permission
def points_table(frontier: PolicyFrontier) -> pd.DataFrame:
    """Every policy, a row each: kind, policy, λ, and changes with their intervals."""
    rows = []
    for point in frontier.points:
        row: dict[str, str | float | None] = {
            "kind": point.kind,
            "policy": point.title,
            "lambda": point.leakage_weight,
        }
        for prefix, changes in (
            ("", point.figures.by_curves),
            ("robust_", point.figures.doubly_robust),
        ):
            for name in ("revenue", "leakage", "human_conversion"):
                one = getattr(changes, name) if changes else None
                row[f"{prefix}{name}"] = one.value if one else None
                row[f"{prefix}{name}_low"] = one.low if one else None
                row[f"{prefix}{name}_high"] = one.high if one else None
        rows.append(row | {"human_premium": point.figures.human_premium.value})
    return pd.DataFrame(rows)
