"""Rule drafts: unsaved rules of a person, which outlive a reload of the page."""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from phantom_core.accounts.actors import current_acting
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.model_store.store import replace_file

MAX_CHARACTERS: Final = 200_000
MAX_DRAFTS: Final = 100
_WRITING: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """Unsaved rules.

    Attributes:
        name: under which they will be saved.
        text: as typed, which need not be valid.
        changed_ms: UTC milliseconds.
    """

    name: str
    text: str
    changed_ms: int


@dataclass(frozen=True, slots=True)
class _Saved:
    """Content of a file: whose drafts they are, so that an erasure finds it, by rule set."""

    who: str
    rule_sets: dict[str, RuleDraft] = field(default_factory=dict)


_ADAPTER: Final = TypeAdapter(_Saved)


@requires(Permission.READ)
def read_rule_drafts(settings: Settings) -> dict[str, RuleDraft]:
    """Drafts of the current actor, by the rule set they belong to; a damaged file has none."""
    path = _path(settings)
    try:
        return _ADAPTER.validate_json(path.read_bytes()).rule_sets
    except (FileNotFoundError, ValidationError):
        return {}


@requires(Permission.WORK)
def save_rule_drafts(settings: Settings, changed: Mapping[str, RuleDraft | None]) -> None:
    """Save drafts of the current actor, and forget others; those not named stay as they are.

    Args:
        settings: workspace.
        changed: draft by rule set; None forgets it.
    Raises:
        InputError: a draft is too long, or there are too many.
    """
    for name, draft in changed.items():
        if draft and len(draft.text) > MAX_CHARACTERS:
            raise InputError(
                f"The draft of '{name}' has {len(draft.text):,} characters; at most "
                f"{MAX_CHARACTERS:,} are stored.",
                hint="Save it as several rule sets.",
            )
    with _WRITING:
        drafts = {**read_rule_drafts(settings), **changed}
        left = {name: draft for name, draft in drafts.items() if draft is not None}
        if len(left) > MAX_DRAFTS:
            raise InputError(
                f"There are {len(left)} unsaved rule sets; at most {MAX_DRAFTS} are stored.",
                hint="Save or discard some.",
            )
        path = _path(settings)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, _ADAPTER.dump_json(_Saved(str(current_acting().actor), left)))


def _path(settings: Settings) -> Path:
    who = str(current_acting().actor)
    return settings.paths.rule_drafts / f"{hashlib.sha256(who.encode()).hexdigest()[:24]}.json"
