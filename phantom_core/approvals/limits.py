"""Limits: guard rails and gates as an administrator set them, where the settings' own do not
suit.
"""

from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.people import MACHINE, require_permission
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import METADATA, write_transaction

LIMITS: Final = sa.Table(
    "limits",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
)
NAMES: Final = (
    "lowest_markup",
    "highest_markup",
    "largest_step",
    "human_premium_cap",
    "first_markup",
    "first_share",
    "approvals_needed",
)


def read_limits(connection: sa.Connection, settings: Settings) -> dict[str, float]:
    """Every limit as it stands."""
    chosen = {str(row.name): float(row.value) for row in connection.execute(LIMITS.select())}
    return {name: chosen.get(name, float(getattr(settings, name))) for name in NAMES}


def set_limits(
    engine: sa.Engine, who: str, values: Mapping[str, float], settings: Settings, *, now_ms: int
) -> None:
    """Change some limits.

    Raises:
        NotAllowedError: not by this person.
        InputError: a name that is none, or a value that cannot be.
    """
    if unknown := sorted(set(values) - set(NAMES)):
        raise InputError(
            f"There is no limit '{unknown[0]}'.", hint=f"There are {', '.join(NAMES)}."
        )
    with write_transaction(engine) as connection:
        if who != MACHINE:
            require_permission(connection, who, Permission.LIMITS)
        before = read_limits(connection, settings)
        after = before | dict(values)
        _check(after)
        changed = {name: after[name] for name in NAMES if after[name] != before[name]}
        for name, value in changed.items():
            connection.execute(LIMITS.delete().where(LIMITS.c.name == name))
            connection.execute(LIMITS.insert().values(name=name, value=value))
        if changed:
            audit.append_entry(
                connection,
                now_ms,
                who,
                "limits.changed",
                "limits",
                {name: [before[name], after[name]] for name in changed},
            )


def _check(found: Mapping[str, float]) -> None:
    if not 0 < found["lowest_markup"] <= 1 <= found["highest_markup"] <= 10:
        raise InputError(
            "Guard rails must have the base price between them.",
            hint="The lowest is up to 1, the highest from 1 to 10.",
        )
    if not 0 < found["first_share"] <= 1:
        raise InputError("The share of a first release is above 0 and up to 1.")
    if found["approvals_needed"] < 1 or found["approvals_needed"] % 1:
        raise InputError(
            "At least one other person has to approve a change.", hint="Give a whole number from 1."
        )
    if min(found["largest_step"], found["first_markup"]) <= 0 or found["human_premium_cap"] < 0:
        raise InputError("A limit cannot be negative.")
