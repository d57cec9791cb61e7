"""Remembered grants: permissions that were just read, so that a page asks about once a second."""

import time
from typing import Final

from phantom_core.accounts.roles import Permission

Grant = tuple[str, str, str, Permission]
# A permission that another process withdraws ends within this time.
_REMEMBERED_S: Final = 0.5
_MOST: Final = 4_096
_GRANTED: Final[dict[Grant, float]] = {}


def is_remembered(grant: Grant) -> bool:
    """Whether this permission was read within the last half second.

    Args:
        grant: URL of the control database, workspace, login and permission.
    """
    return time.monotonic() - _GRANTED.get(grant, -_REMEMBERED_S) < _REMEMBERED_S


def remember(grant: Grant) -> None:
    """Remember a permission that was read."""
    if len(_GRANTED) >= _MOST:
        _GRANTED.clear()
    _GRANTED[grant] = time.monotonic()


def forget_grants() -> None:
    """Read every permission again, after an account was added or changed."""
    _GRANTED.clear()
