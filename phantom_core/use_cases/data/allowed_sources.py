"""Allowed sources: files and databases that the current actor may have read."""

from collections.abc import Iterable
from pathlib import Path

from phantom_core.accounts.actors import current_acting
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import NotAllowedError
from phantom_core.core.settings import Settings
from phantom_core.events.server_paths import Sources, looks_like_path


@requires(Permission.READ)
def allowed_sources(settings: Settings) -> Sources:
    """What the current actor may read: all for the machine's user, else what the settings allow."""
    if current_acting().actor.owns_machine:
        return Sources(settings.paths, None, None)
    folders = tuple(Path(folder).expanduser() for folder in settings.loading.server_folders)
    return Sources(settings.paths, folders, settings.loading.source_hosts)


@requires(Permission.READ)
def require_named_files(texts: Iterable[str]) -> None:
    """Require that whatever of these names is a path may be read by the current actor.

    Args:
        texts: names or paths, as entered.
    Raises:
        NotAllowedError: one is a path outside the allowed folders.
    """
    acting = current_acting()
    for text in texts:
        if acting.actor.owns_machine or not looks_like_path(text):
            continue
        if acting.settings is None:
            raise NotAllowedError("Only names can be used here, not paths.")
        allowed_sources(acting.settings).require_file(text)
