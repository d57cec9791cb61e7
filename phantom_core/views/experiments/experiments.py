"""Experiments as pages show them: the list, the arms, and sample sizes by effect."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import releases
from phantom_core.approvals.experiment_plan import AS_LIVE, BASE_PRICE, PlannedArm
from phantom_core.approvals.price_experiments import Experiment
from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.experiments.comparison import Comparison
from phantom_core.experiments.experiment_size import Baseline, size_of
from phantom_core.experiments.report import ExperimentReport
from phantom_core.use_cases.approvals.change_requests import control_database

EFFECTS: Final = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3)


@needs_no_permission
def describe_rules(version: str) -> str:
    """What an arm serves, in words.

    >>> describe_rules("live"), describe_rules(""), describe_rules("bands-7")
    ('live rules', 'base price', 'bands-7')
    """
    return {AS_LIVE: "live rules", BASE_PRICE: "base price"}.get(version, version)


@requires(Permission.READ)
def servable_rules(settings: Settings) -> list[str]:
    """What an arm may serve: live rules, the base price, released versions, newest first."""
    with control_database(settings).connect() as connection:
        done = [
            one for one in releases.release_history(connection, newest=500) if one.state == "done"
        ]
    return [
        *dict.fromkeys(
            [
                AS_LIVE,
                BASE_PRICE,
                *(version for one in done for version in (one.version, one.stable)),
            ]
        )
    ]


@needs_no_permission
def list_table(experiments: Sequence[Experiment]) -> pd.DataFrame:
    """One row per experiment: name, state, question, arms, started_ms, stopped_ms, why."""
    return pd.DataFrame(
        {
            "name": [one.experiment_id for one in experiments],
            "state": [one.state for one in experiments],
            "question": [one.plan.question for one in experiments],
            "arms": [
                ", ".join(
                    f"{arm.name} {arm.share:.0%}: {describe_rules(arm.version)}"
                    for arm in one.plan.arms
                )
                for one in experiments
            ],
            "started": [_moment(one.started_ms) for one in experiments],
            "stopped": [_moment(one.stopped_ms) for one in experiments],
            "why": [one.why for one in experiments],
        }
    )


@needs_no_permission
def arms_table(found: ExperimentReport, arms: Sequence[PlannedArm]) -> pd.DataFrame:
    """One row per arm: what it serves, and its figures."""
    served = {arm.name: describe_rules(arm.version) for arm in arms}
    return pd.DataFrame(
        {
            "arm": [one.name for one in found.arms],
            "plays": [served[one.name] for one in found.arms],
            "share": [one.share for one in found.arms],
            "sessions": [one.sessions for one in found.arms],
            "agents": [one.agents for one in found.arms],
            "buy": [one.conversion for one in found.arms],
            "humans_buy": [one.human_conversion for one in found.arms],
            "revenue": [one.revenue for one in found.arms],
        }
    )


@needs_no_permission
def course_table(found: ExperimentReport) -> pd.DataFrame:
    """Estimates over time: arm, sessions, at_ms, effect and human change with interval ends."""
    rows = [
        {
            "arm": one.arm,
            "sessions": point.sessions,
            "at_ms": point.at_ms,
            "effect": point.effect.value,
            "effect_low": point.effect.low,
            "effect_high": point.effect.high,
            "human": point.human.value,
            "human_low": point.human.low,
            "human_high": point.human.high,
        }
        for one in found.comparisons
        for point in one.course
    ]
    return pd.DataFrame(rows)


@needs_no_permission
def segments_table(found: Comparison) -> pd.DataFrame:
    """Effects by segment: by, segment, sessions, effect, and ends; NaN where unbounded."""
    rows = [
        {
            "by": one.by,
            "segment": one.segment,
            "sessions": one.sessions,
            "effect": one.effect.value,
            "low": one.effect.low if np.isfinite(one.effect.low) else np.nan,
            "high": one.effect.high if np.isfinite(one.effect.high) else np.nan,
        }
        for one in found.segments
    ]
    return pd.DataFrame(rows, columns=["by", "segment", "sessions", "effect", "low", "high"])


@needs_no_permission
def sizes_table(
    baseline: Baseline, shares: Sequence[float], *, alpha: float, power: float
) -> pd.DataFrame:
    """Sample size by effect; effects too small to detect are left out."""
    rows = []
    for effect in EFFECTS:
        try:
            size = size_of(baseline, effect, shares, alpha=alpha, power=power)
        except InputError:
            continue
        rows.append(
            {"effect": effect, "sessions": size.sessions, "sessions_once": size.sessions_once}
        )
    return pd.DataFrame(rows, columns=["effect", "sessions", "sessions_once"])


def _moment(at_ms: int) -> pd.Timestamp | None:
    return pd.Timestamp(at_ms, unit="ms") if at_ms else None


@needs_no_permission
def share_of_plan(found: ExperimentReport) -> float:
    """Share of the planned sessions reached, up to 1."""
    return float(np.clip(found.sessions / found.planned_sessions, 0.0, 1.0))
