"""Actors: experiments and session labels, which tell whose the sessions are."""

from collections.abc import Iterable
from typing import Final

from phantom_core.events.keyed_rows import (
    NO,
    YES,
    Converted,
    KeyedRows,
    Named,
    Names,
    Row,
    collect_keyed_rows,
)
from phantom_core.events.schema import EXPERIMENTS, SESSION_LABELS

_AGENT: Final = frozenset({"agent", "bot", "automated", "robot", "scraper"}) | YES
_HUMAN: Final = frozenset({"human", "user", "person", "people"}) | NO

EXPERIMENT_NAMES: Final[Names] = {
    "experiment_id": ("id", "experiment_id", "experimentId"),
    "subject_name": ("subject_name", "subjectName"),
    "xp_human_only": ("xp_human_only", "xpHumanOnly"),
    "xp_market_mode": ("xp_market_mode", "xpMarketMode"),
    "xp_task_id": ("xp_task_id", "xpTaskId"),
}
LABEL_NAMES: Final[Names] = {
    "session_id": ("session", "session_id", "sessionId"),
    "is_agent": ("label", "is_agent", "isAgent", "class"),
    "family": ("family",),
}


def read_experiments(rows: Iterable[Named]) -> KeyedRows:
    """Experiments from named text values."""
    return collect_keyed_rows(rows, EXPERIMENT_NAMES, EXPERIMENTS, _experiment)


def read_labels(rows: Iterable[Named]) -> KeyedRows:
    """Session labels from named text values; label is agent/bot/1 or human/0."""
    return collect_keyed_rows(rows, LABEL_NAMES, SESSION_LABELS, _label)


def _experiment(row: Row) -> Converted | tuple[str, str]:
    human_only = (row["xp_human_only"] or "").lower()
    if row["experiment_id"] is None:
        return "missing_experiment_id", ""
    if human_only not in YES | NO | {""}:
        return "bad_flag", human_only
    return {**row, "xp_human_only": human_only in YES if human_only else None}


def _label(row: Row) -> Converted | tuple[str, str]:
    label = (row["is_agent"] or "").lower()
    if row["session_id"] is None:
        return "missing_session_id", ""
    if label not in _AGENT | _HUMAN | {""}:
        return "unknown_label", label
    if not label and row["family"] is None:
        return "missing_label", ""
    return {**row, "is_agent": label in _AGENT if label else None}
