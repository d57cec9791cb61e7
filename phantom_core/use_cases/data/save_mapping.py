"""Save a mapping: one that a user built for their own exports, as a file of the workspace."""

import re
from pathlib import Path
from typing import Final

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.events.mapping import Mapping
from phantom_core.model_store.store import replace_file

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@requires(Permission.WORK)
def save_mapping(settings: Settings, mapping: Mapping) -> Path:
    """Save a mapping under its name, in place of an earlier one of that name.

    Raises:
        InputError: the name is not a valid file name.
    """
    if not _NAME.fullmatch(mapping.name):
        raise InputError(
            f"'{mapping.name}' cannot be a mapping's name.",
            hint="Use letters, digits, '_', '-' and '.', at most 64.",
        )
    folder = settings.paths.mappings
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{mapping.name}.toml"
    replace_file(path, mapping.to_toml().encode())
    return path
