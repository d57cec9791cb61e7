"""Saved mappings: built by users for their own exports, stored as files of the workspace."""

from pathlib import Path

from phantom_core.core.settings import Settings


def saved_mappings(settings: Settings) -> dict[str, Path]:
    """Name → file of every mapping saved in a workspace, by name."""
    return {path.stem: path for path in sorted(settings.paths.mappings.glob("*.toml"))}
