"""Learned rules: those of a workspace, and what they change beside other policies."""

import pandas as pd

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.policy_learning.learned_policy import LearnedPolicy
from phantom_core.policy_learning.policy_figures import Changes, PolicyFigures
from phantom_core.use_cases.rules.learn_policy import learned_store, open_learned


@requires(Permission.READ)
def learned_versions(settings: Settings) -> tuple[str, ...]:
    """Learned rules that can be read, the newest first."""
    found = []
    for version in learned_store(settings).names():
        try:
            open_learned(settings, version)
        except (DataError, NotFoundError):
            continue
        found.append(version)
    return tuple(found)


@requires(Permission.READ)
def learned_view(settings: Settings, version: str | None = None) -> LearnedPolicy:
    """Learned rules; None means the newest.

    Raises:
        NotFoundError: there are none.
        DataError: their file is damaged.
    """
    return open_learned(settings, version)


@needs_no_permission
def compared_table(learned: LearnedPolicy) -> pd.DataFrame:
    """The learned rules and every other policy, a row each: changes with their intervals."""
    others = [(one.title, one.figures, one.learned_minus) for one in learned.compared]
    rows = [_row("Learned rules", learned.figures, None)]
    rows += [_row(title, figures, difference) for title, figures, difference in others]
    return pd.DataFrame(rows)


def _row(
    title: str, figures: PolicyFigures, difference: Changes | None
) -> dict[str, str | float | None]:
    found: dict[str, str | float | None] = {"policy": title}
    parts = [
        ("", figures.by_curves),
        ("robust_", figures.doubly_robust),
        ("learned_minus_", difference),
    ]
    for prefix, changes in parts:
        for name in ("revenue", "leakage", "human_conversion"):
            estimate = getattr(changes, name) if changes else None
            found[f"{prefix}{name}"] = estimate.value if estimate else None
            found[f"{prefix}{name}_low"] = estimate.low if estimate else None
            found[f"{prefix}{name}_high"] = estimate.high if estimate else None
    found["human_premium"] = figures.human_premium.value
    found["humans_marked_up"] = figures.humans_marked_up
    return found
