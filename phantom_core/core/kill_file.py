"""Kill file: the second path of the kill switch, which needs neither Redis nor a database.

While the file is there, pricing services that see it give every session the base price. `rules
kill`, the page Live and POST /kill of the pricing service write it; by hand, any file does.
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from phantom_core.core.errors import UnavailableError
from phantom_core.core.settings import Settings

_MOST_BYTES: Final = 4_096


@dataclass(frozen=True, slots=True)
class KillOrder:
    """What a kill file says.

    Attributes:
        who: login or service that wrote it; empty where it was made by hand.
        why: its reason.
        at_ms: when, UTC milliseconds; 0 where unknown.
    """

    who: str = ""
    why: str = ""
    at_ms: int = 0


def kill_file_path(settings: Settings) -> Path:
    """Where the file is looked for."""
    return settings.pricing.kill_file or settings.paths.kill_file


def write_kill_file(settings: Settings, order: KillOrder) -> None:
    """Create the file. It works as soon as it exists, so a full disk does not matter.

    Raises:
        UnavailableError: it cannot be created.
    """
    path = kill_file_path(settings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    except OSError as error:
        raise UnavailableError(
            f"The kill file {path} cannot be created: {error.strerror}.",
            hint="Create it by hand, or use POST /kill of the pricing service.",
        ) from None
    with suppress(OSError), os.fdopen(descriptor, "wb") as file:
        file.truncate()
        file.write(json.dumps(asdict(order)).encode())


def read_kill_file(settings: Settings) -> KillOrder | None:
    """What the file says; None where there is none. A file that cannot be read counts as one.

    >>> from pathlib import Path
    >>> read_kill_file(Settings(workspace=Path("/nonexistent"))) is None
    True
    """
    path = kill_file_path(settings)
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return KillOrder(why=f"The kill file cannot be read: {error.strerror}.")
    try:
        values = json.loads(content)
        return KillOrder(str(values["who"]), str(values["why"]), int(values["at_ms"]))
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return KillOrder(why=content[:200].decode(errors="replace").strip())


def remove_kill_file(settings: Settings) -> bool:
    """Remove the file; returns whether there was one.

    Raises:
        UnavailableError: it cannot be removed.
    """
    path = kill_file_path(settings)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UnavailableError(
            f"The kill file {path} cannot be removed: {error.strerror}.", hint="Remove it by hand."
        ) from None
    return True
