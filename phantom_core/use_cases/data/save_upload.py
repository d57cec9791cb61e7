"""Save an upload: a file from a browser, stored in the workspace for a worker to read."""

import hashlib
import uuid
from pathlib import Path
from typing import Final

from phantom_core.accounts.actors import current_acting
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import TooLargeError
from phantom_core.core.settings import Settings

_MB: Final = 1 << 20


@requires(Permission.WORK)
def save_upload(settings: Settings, name: str, content: bytes | memoryview) -> Path:
    """Save a file under its own name, in a folder of its own below that of the actor.

    Args:
        settings: workspace and limits.
        name: as the browser sent it; only its last part counts.
        content: of the file.
    Returns:
        Its path.
    Raises:
        TooLargeError: the file, or all that this person has uploaded, exceeds its limit.
    """
    own = upload_folder(settings)
    n_bytes, loading = memoryview(content).nbytes, settings.loading
    if n_bytes > loading.max_upload_mb * _MB:
        raise TooLargeError(
            f"The file is larger than {loading.max_upload_mb:,} MB.",
            hint="Load larger files with the command line.",
        )
    stored = sum(file.stat().st_size for file in own.rglob("*") if file.is_file())
    if stored + n_bytes > loading.upload_quota_mb * _MB:
        raise TooLargeError(
            f"Your uploads would exceed {loading.upload_quota_mb:,} MB.",
            hint="An administrator can remove earlier ones, or raise PHANTOM_UPLOAD_QUOTA_MB.",
        )
    path = own / uuid.uuid4().hex[:12] / (Path(name.replace("\\", "/")).name or "upload")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


@requires(Permission.WORK)
def upload_folder(settings: Settings) -> Path:
    """The folder with the uploads of the current actor."""
    owner = hashlib.sha256(str(current_acting().actor).encode()).hexdigest()[:16]
    return settings.paths.uploads / owner
