"""Waiting: who was just given a role that moves prices cannot use it alone at once.

One administrator could otherwise make themselves all the eyes that a change needs. A second
administrator confirms the account, or a day passes in which every reader can see it. People who are
added on the first day, before anything was published or approved beside it, do not wait.
"""

import time
from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.roles import PERMISSIONS, Permission, Role

WAIT_MS: Final = 24 * 3_600_000
GUARDED: Final = frozenset(
    {Permission.APPROVE, Permission.PUBLISH, Permission.LIMITS, Permission.PEOPLE}
)
_RELEASES: Final = sa.table("releases")
_CHANGES: Final = sa.table("governed_changes", sa.column("kind"), sa.column("state"))
_PRICES: Final = "global prices"


def has_guarded(role: Role) -> bool:
    """Whether a role has permissions that wait."""
    return bool(PERMISSIONS[role] & GUARDED)


def waits_until(connection: sa.Connection, first_ms: int | None, now_ms: int) -> int:
    """Until when a person who is given a role now has to wait, UTC milliseconds; 0 for not at all.

    Args:
        connection: reads whether people moved a price: by a release, or by prices beside rules.
        first_ms: when the installation's first account was added; None without accounts.
        now_ms: UTC milliseconds.
    """
    is_first_day = first_ms is None or now_ms < first_ms + WAIT_MS
    moved = (
        sa.select(sa.literal(1)).select_from(_RELEASES).limit(1),
        sa.select(sa.literal(1))
        .where(_CHANGES.c.kind == _PRICES, _CHANGES.c.state.in_(("approved", "superseded")))
        .limit(1),
    )
    has_moved = any(connection.execute(one).first() is not None for one in moved)
    return 0 if is_first_day and not has_moved else now_ms + WAIT_MS


def clock_ms() -> int:
    """The real clock: permissions are those of this moment, whatever a caller says."""
    return time.time_ns() // 1_000_000
