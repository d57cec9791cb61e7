"""Replays: the figures of a replay as tables, and its changed sessions."""

import difflib
from collections.abc import Iterator

import pandas as pd
import pyarrow.parquet as pq

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.estimate import Estimate
from phantom_core.core.settings import Settings
from phantom_core.replay.replay import Replay, SetReplay
from phantom_core.use_cases.rules.replay_rules import changed_sessions_file


@needs_no_permission
def figures_table(replay: Replay) -> pd.DataFrame:
    """Every figure of both rule sets with its interval: rules, figure, value, low, high."""
    rows = [
        {
            "rules": one.name,
            "figure": name,
            "value": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
        }
        for one in (replay.rules, replay.against)
        for name, estimate in _figures(one)
    ]
    return pd.DataFrame(rows)


@needs_no_permission
def uses_table(one: SetReplay) -> pd.DataFrame:
    """How often each rule decided: rule, markup, quotes, share_human, share_agent."""
    human, agent = sum(use.human for use in one.rules), sum(use.agent for use in one.rules)
    return pd.DataFrame(
        {
            "rule": [use.rule for use in one.rules],
            "markup": [use.markup_ratio for use in one.rules],
            "quotes": [use.quotes for use in one.rules],
            "share_human": [use.human / human if human else None for use in one.rules],
            "share_agent": [use.agent / agent if agent else None for use in one.rules],
        }
    )


@needs_no_permission
def moved_table(replay: Replay) -> pd.DataFrame:
    """Rule migration: before, after, quotes, human, agent."""
    return pd.DataFrame(
        {
            "before": [f"{one.before} (×{one.markup_before:.2f})" for one in replay.moved],
            "after": [f"{one.after} (×{one.markup_after:.2f})" for one in replay.moved],
            "quotes": [one.quotes for one in replay.moved],
            "human": [one.human for one in replay.moved],
            "agent": [one.agent for one in replay.moved],
        }
    )


@requires(Permission.READ)
def changed_sessions_table(
    settings: Settings, name: str | None = None, limit: int | None = None
) -> pd.DataFrame:
    """Sessions whose price a replay changes, the largest change first; empty without the file.

    Args:
        settings: workspace.
        name: of the replay; None means the latest.
        limit: most rows; None means all.
    """
    try:
        table = pq.read_table(changed_sessions_file(settings, name))
    except (OSError, pq.lib.ArrowException):
        return pd.DataFrame()
    frame: pd.DataFrame = (table if limit is None else table.slice(0, limit)).to_pandas()
    frame.insert(1, "start", pd.to_datetime(frame.pop("start_ms"), unit="ms", utc=True))
    return frame


@needs_no_permission
def changed_lines(before: str, after: str) -> str:
    """Diff of two rule texts, as lines with + and −; empty where they are equal."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=100)
    changed = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    return "\n".join(changed)


def _figures(one: SetReplay) -> Iterator[tuple[str, Estimate]]:
    for who, figures in (("human", one.human), ("agent", one.agent)):
        if figures:
            yield f"{who}_mean_markup", figures.mean_markup
            yield f"{who}_quotes_marked_up", figures.quotes_marked_up
            yield f"{who}_marked_up", figures.marked_up
            yield f"{who}_premium", figures.premium
            yield f"{who}_premium_when_marked_up", figures.premium_when_marked_up
    for recovery in one.recovered:
        if not recovery.problem:
            yield f"leakage_logged_{recovery.reference}", recovery.logged
            yield f"leakage_left_{recovery.reference}", recovery.left
            yield f"leakage_recovered_{recovery.reference}", recovery.recovered
    for name in (
        "logged",
        "inverse_propensity",
        "self_normalised",
        "doubly_robust",
        "against_logged",
    ):
        estimate = getattr(one.value, name)
        if estimate:
            yield f"revenue_per_session_{name}", estimate
