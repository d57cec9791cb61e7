"""Session trials: rule replay on simulated sessions, and the rule sets of a workspace."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd
from pydantic import JsonValue

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.jobs.jobs import Job
from phantom_core.market.figures import TrialFigure
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_store.store import ModelStore
from phantom_core.rules.text import format_rules
from phantom_core.session_market.market import BANDS
from phantom_core.use_cases.rules.rule_sets import rule_set_names, rule_set_path

EXAMPLE: Final = """\
IF p_agent > 0.7 THEN markup 1.30 (very likely an agent)
ELIF interaction_velocity > 30 AND cart_adds < 1 THEN markup 1.15 (fast and only browsing)
ELSE markup 1.00
"""
_FIGURES: Final = (
    "reward",
    "revenue",
    "leakage",
    "leakage_share",
    "human_conversion",
    "agent_conversion",
    "human_premium",
    "humans_marked_up",
    "agents_marked_up",
)


@dataclass(frozen=True, slots=True)
class SessionArm:
    """One rule set.

    Attributes:
        name: of the rule set.
        figures: name → figure with its interval.
        vs_none: figures minus those without a mark-up.
    """

    name: str
    figures: Mapping[str, TrialFigure]
    vs_none: Mapping[str, TrialFigure]

    def change(self, name: str) -> TrialFigure:
        """A figure's change relative to its value without a mark-up."""
        value, difference = self.figures[name].value, self.vs_none[name]
        if (
            value is None
            or difference.value is None
            or difference.low is None
            or difference.high is None
        ):
            return TrialFigure(None, None, None)
        before = value - difference.value
        if before <= 0:
            return TrialFigure(None, None, None)
        return TrialFigure(
            difference.value / before, difference.low / before, difference.high / before
        )


@requires(Permission.READ)
def has_classifier(settings: Settings) -> bool:
    """Whether a classifier is in use."""
    return ModelStore(settings.workspace, CLASSIFIER.name).in_use() is not None


@dataclass(frozen=True, slots=True)
class SessionTrialView:
    """A finished trial.

    Attributes:
        n_sessions: generated.
        reference_ratio: what an agent should have paid, in units of the base price.
        arms: one per rule set, in the order requested.
    """

    n_sessions: int
    reference_ratio: float
    arms: tuple[SessionArm, ...]


@dataclass(frozen=True, slots=True)
class _Report:
    sessions: int
    reference_ratio: float
    results: dict[str, dict[str, JsonValue]]


@requires(Permission.READ)
def read_session_trial(job: Job) -> SessionTrialView:
    """Read the report of a finished job of kind simulate_sessions.

    Raises:
        DataError: its report cannot be read.
    """
    report = job.report_as(_Report)
    arms = tuple(_arm(name, values) for name, values in report.results.items())
    return SessionTrialView(report.sessions, report.reference_ratio, arms)


@needs_no_permission
def arms_table(arms: list[SessionArm]) -> pd.DataFrame:
    """All figures with their intervals.

    Returns:
        One row per rule set and figure: rules, figure, value, low, high, and the same of the
        difference to no mark-up.
    """
    rows = [
        {
            "rules": arm.name,
            "figure": name,
            **{end: getattr(arm.figures[name], end) for end in ("value", "low", "high")},
            **{
                f"vs_none_{end}": getattr(arm.vs_none[name], end)
                for end in ("value", "low", "high")
            },
        }
        for arm in arms
        for name in _FIGURES
    ]
    return pd.DataFrame(rows)


@requires(Permission.READ)
def session_rules(settings: Settings) -> dict[str, Path]:
    """Name → file of the workspace's rule sets for sessions."""
    return {name: rule_set_path(settings, name) for name in rule_set_names(settings)}


@requires(Permission.READ)
def rules_as_text(settings: Settings, name: str) -> str:
    """A rule set as text; empty where it cannot be read."""
    if name == BANDS.name:
        return format_rules(BANDS)
    try:
        return session_rules(settings)[name].read_text(encoding="utf-8")
    except (KeyError, OSError):
        return ""


def _arm(name: str, values: Mapping[str, JsonValue]) -> SessionArm:
    difference = values["vs_none"]
    assert isinstance(difference, dict)
    return SessionArm(name, _figures(values), _figures(difference))


def _figures(values: Mapping[str, JsonValue]) -> dict[str, TrialFigure]:
    return {
        name: TrialFigure(_number(values[name]), *_ends(values[f"{name}_ci"])) for name in _FIGURES
    }


def _ends(ends: object) -> tuple[float | None, float | None]:
    low, high = ends if isinstance(ends, list | tuple) else (None, None)
    return _number(low), _number(high)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
