"""Overview: what is loaded, how agents are known, and next steps."""

from dataclasses import dataclass
from typing import Final

import pandas as pd

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.evaluation.report import ClassifierReport
from phantom_core.views.classifier.classifier import newest_report
from phantom_core.views.overview.next_steps import NextStep, next_steps
from phantom_core.views.overview.pricing_steps import pricing_steps
from phantom_core.views.workspace.loaded import Loaded, read_loaded
from phantom_core.views.workspace.shares import Actors, Share, clustered_share
from phantom_core.views.workspace.snapshot import Snapshot
from phantom_core.views.workspace.time_bins import WIDTHS_MS, bin_width_ms


@dataclass(frozen=True, slots=True)
class Overview:
    """What the page shows.

    Attributes:
        loaded: what the workspace holds.
        agent_share: share of agents among labelled sessions; None without labels.
        is_by_decision: `traffic` goes by the model's prediction, not by labels.
        traffic: sessions by time of their first event; columns start (UTC), label, sessions.
        bin_width_ms: of `traffic`.
        report: of the newest classifier; None without one.
        next_steps: what to do next, most urgent first.
    """

    loaded: Loaded
    agent_share: Share | None
    is_by_decision: bool
    traffic: pd.DataFrame
    bin_width_ms: int
    report: ClassifierReport | None
    next_steps: tuple[NextStep, ...]

    @property
    def bin_width(self) -> str:
        """Width of a bin of `traffic`, in words."""
        return WIDTHS_MS[self.bin_width_ms]


_ACTOR: Final = "COALESCE('experiment:' || experiment_id, 'session:' || session_id)"


@requires(Permission.READ)
def overview_view(snapshot: Snapshot, settings: Settings) -> Overview:
    """Read the page.

    Args:
        snapshot: the data.
        settings: names the workspace, for the model.
    """
    loaded = read_loaded(snapshot)
    is_by_decision = loaded.labelled == 0 and snapshot.threshold is not None
    label = (
        f"CASE WHEN agent_probability >= {snapshot.threshold} THEN 'agent' ELSE 'human' END"
        if is_by_decision
        else "label"
    )
    width_ms = bin_width_ms((loaded.end_ms or 0) - (loaded.start_ms or 0))
    report = newest_report(settings)
    return Overview(
        loaded=loaded,
        agent_share=clustered_share(_actors(snapshot, "is_agent", "is_agent IS NOT NULL")),
        is_by_decision=is_by_decision,
        traffic=_traffic(snapshot, label, width_ms),
        bin_width_ms=width_ms,
        report=report,
        next_steps=(
            *next_steps(snapshot, loaded, report),
            *(pricing_steps(settings) if report else ()),
        ),
    )


def _actors(snapshot: Snapshot, yes: str, among: str) -> list[Actors]:
    """Actors counted by their number of sessions and of positive sessions."""
    return [
        Actors(int(n_yes), n_sessions, n_actors)
        for n_yes, n_sessions, n_actors in snapshot.rows(
            f"""
            WITH actors AS (
                SELECT {_ACTOR} AS actor, COUNT(*) FILTER (WHERE {yes}) AS n_yes,
                    COUNT(*) AS n_sessions
                FROM sessions WHERE {among} GROUP BY actor
            )
            SELECT n_yes, n_sessions, COUNT(*) FROM actors
            GROUP BY n_yes, n_sessions ORDER BY n_yes, n_sessions"""
        )
    ]


def _traffic(snapshot: Snapshot, label: str, width_ms: int) -> pd.DataFrame:
    return snapshot.frame(
        f"""
        SELECT make_timestamp(start_ms // {width_ms} * {width_ms} * 1000) AS start,
            {label} AS label, COUNT(*) AS sessions
        FROM sessions GROUP BY ALL ORDER BY start, label"""
    )
