"""Mapping drafts: the mapping that a person is building, which outlives a reload of the page."""

import hashlib
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from phantom_core.accounts.actors import current_acting
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.events.text_options import DETECTED, TextOptions
from phantom_core.model_store.store import replace_file

MOST_BYTES: Final = 1 << 20  # a larger draft is not stored: no export has so many event names


@dataclass(frozen=True, slots=True)
class MappingDraft:
    """A mapping being built.

    Attributes:
        path: of the sample.
        options: how the sample is written, as chosen.
        mapping: its parts by their TOML names; may be incomplete.
    """

    path: str
    options: TextOptions
    mapping: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class _Saved:
    """Content of a file: whose draft it is, so that an erasure finds it."""

    who: str
    path: str
    mapping: dict[str, JsonValue]
    options: TextOptions = DETECTED


_ADAPTER: Final = TypeAdapter(_Saved)


@requires(Permission.READ)
def read_mapping_draft(settings: Settings) -> MappingDraft | None:
    """The draft of the current actor; None without one, or where its file is damaged."""
    try:
        saved = _ADAPTER.validate_json(settings.paths.mapping_draft(_key()).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return MappingDraft(saved.path, saved.options, saved.mapping)


@requires(Permission.WORK)
def save_mapping_draft(settings: Settings, draft: MappingDraft | None) -> None:
    """Save the draft of the current actor in the place of the former one; None forgets it."""
    path = settings.paths.mapping_draft(_key())
    if draft is None:
        path.unlink(missing_ok=True)
        return
    saved = _Saved(str(current_acting().actor), draft.path, draft.mapping, draft.options)
    content = _ADAPTER.dump_json(saved)
    if len(content) <= MOST_BYTES:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)


def _key() -> str:
    return hashlib.sha256(str(current_acting().actor).encode()).hexdigest()[:24]
