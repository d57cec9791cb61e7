"""Saved mappings: built by users for their own exports, stored as files of the workspace."""

from pathlib import Path

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings


@requires(Permission.READ)
def saved_mappings(settings: Settings) -> dict[str, Path]:
    """Name → file of every mapping saved in a workspace, by name."""
    return {path.stem: path for path in sorted(settings.paths.mappings.glob("*.toml"))}
