"""Saved runs: ledgers and replays that were stored, whose they are, and which one to show first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from phantom_core.accounts.actors import current_acting
from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.model_store.run_store import RunStore
from phantom_core.replay.origin import Origin
from phantom_core.use_cases.rules.measure_leakage import ledger_store
from phantom_core.use_cases.rules.replay_rules import replay_store


@dataclass(frozen=True, slots=True)
class SavedRun:
    """A stored result.

    Attributes:
        name: in its store.
        rules: rule set it was worked out for.
        against: rule set compared with; empty where there is none.
        created_ms: UTC milliseconds.
        origin: who asked for it, and for which days.
        is_own: whether the reader did.
        is_damaged: whether its file cannot be read.
    """

    name: str
    rules: str
    against: str
    created_ms: int
    origin: Origin
    is_own: bool
    is_damaged: bool = False


@requires(Permission.READ)
def saved_ledgers(settings: Settings) -> tuple[SavedRun, ...]:
    """Ledgers, the newest first."""
    return _runs(ledger_store(settings).runs)


@requires(Permission.READ)
def saved_replays(settings: Settings) -> tuple[SavedRun, ...]:
    """Replays, the newest first."""
    return _runs(replay_store(settings).runs)


@needs_no_permission
def run_to_show(runs: Sequence[SavedRun], rules: Collection[str] | None = None) -> SavedRun | None:
    """The run that a page opens with: what somebody else asks for changes nothing for the reader.

    Args:
        runs: the newest first.
        rules: names of one rule set, only whose runs count; None means any.
    Returns:
        The reader's newest; else the newest of all days; else the newest; None without one.
    """
    among = [run for run in runs if rules is None or run.rules in rules or run.is_damaged]
    return min(among, key=_rank, default=None)


def _rank(run: SavedRun) -> tuple[bool, bool, bool]:
    return run.is_damaged, not run.is_own, not (run.is_own or run.origin.is_whole)


def _runs(store: RunStore) -> tuple[SavedRun, ...]:
    reader = str(current_acting().actor)
    return tuple(
        SavedRun(
            name,
            _rules_of(document.get("rules")),
            _rules_of(document.get("against")),
            _whole(document.get("created_ms")),
            origin,
            bool(document) and origin.is_of(reader),
            not document,
        )
        for name, document in store.documents().items()
        for origin in [_origin(document.get("origin"))]
    )


def _rules_of(found: object) -> str:
    """Name of a rule set, which a ledger names and a replay holds."""
    return str(found.get("name", "")) if isinstance(found, Mapping) else str(found or "")


def _whole(found: object) -> int:
    return found if isinstance(found, int) else 0


def _origin(found: object) -> Origin:
    values = found if isinstance(found, Mapping) else {}
    return Origin(
        str(values.get("who", "")),
        str(values.get("first_day", "")),
        str(values.get("last_day", "")),
    )
