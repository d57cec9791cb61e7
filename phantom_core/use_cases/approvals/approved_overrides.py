"""Approved overrides: the prices beside rules that people approved, as services are told."""

from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import governed_changes as changes
from phantom_core.approvals.governed_kinds import GLOBAL_PRICES
from phantom_core.publishing.figures import Figures
from phantom_core.publishing.statement import APPROVED_PRICES, SESSION_PRICES

TABLE: Final = "table"
SESSIONS: Final = "sessions"


@requires(Permission.READ)
def approved_figures(connection: sa.Connection) -> Figures | None:
    """The table of global prices that people approved; None without one."""
    found = changes.change_in_force(connection, GLOBAL_PRICES, TABLE)
    if found is None:
        return None
    prices = found.content()["prices"]
    assert isinstance(prices, dict)
    return Figures(f"prices-{found.change_id}", found.changed_ms, prices)


@requires(Permission.READ)
def approved_numbers(connection: sa.Connection) -> dict[str, int]:
    """What the statement of the control side says of overrides; 0 where none is approved."""
    table = approved_figures(connection)
    sessions = changes.change_in_force(connection, GLOBAL_PRICES, SESSIONS)
    return {
        APPROVED_PRICES: table.created_ms if table else 0,
        SESSION_PRICES: sessions.change_id if sessions else 0,
    }
