"""Limits: guard rails and gates that an administrator set, with the settings as defaults."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.actors import Internal
from phantom_core.accounts.people import require_permission
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import InputError
from phantom_core.core.limits import NAMES, PriceLimits
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import METADATA, control_of, write_transaction

LIMITS: Final = sa.Table(
    "limits",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
)


def read_price_limits(settings: Settings, connection: sa.Connection | None = None) -> PriceLimits:
    """The limits in force; a use case reads them once.

    Args:
        settings: name the database, and give the defaults.
        connection: to read with, where a transaction is open; None opens one.
    Raises:
        InputError: a setting that cannot be a limit.
        UnavailableError: the database does not answer.
    """
    if connection is not None:
        return _price_limits(_numbers(connection, settings))
    with control_of(settings.database_url, settings.workspace).connect() as opened:
        return _price_limits(_numbers(opened, settings))


def seed_price_limits(settings: Settings) -> PriceLimits:
    """The default limits, for use where the database is not available.

    Raises:
        InputError: a setting that cannot be a limit.
    """
    return _price_limits(_seeds(settings))


def set_limits(
    engine: sa.Engine, who: str, values: Mapping[str, float], settings: Settings, *, now_ms: int
) -> PriceLimits:
    """Set some limits.

    Args:
        engine: of the control database.
        who: an administrator's login.
        values: new ones by name.
        settings: give the defaults.
        now_ms: UTC milliseconds.
    Raises:
        NotAllowedError: not by this person.
        InputError: an unknown name, or an impossible value.
    """
    if unknown := sorted(set(values) - set(NAMES)):
        raise InputError(
            f"There is no limit '{unknown[0]}'.", hint=f"There are {', '.join(NAMES)}."
        )
    with write_transaction(engine) as connection:
        if not isinstance(who, Internal):
            require_permission(connection, who, Permission.LIMITS)
        before = _numbers(connection, settings)
        found = _price_limits(before | dict(values))
        after = {name: float(value) for name, value in asdict(found).items()}
        changed = {name: after[name] for name in NAMES if after[name] != before[name]}
        for name, value in changed.items():
            connection.execute(LIMITS.delete().where(LIMITS.c.name == name))
            connection.execute(LIMITS.insert().values(name=name, value=value))
        if changed:
            details = {name: [before[name], after[name]] for name in changed}
            audit.append_entry(connection, now_ms, who, "limits.changed", "limits", details)
    return found


def _numbers(connection: sa.Connection, settings: Settings) -> dict[str, float]:
    """Every limit by name, not validated, so that an administrator can correct a wrong setting."""
    chosen = {str(row.name): float(row.value) for row in connection.execute(LIMITS.select())}
    return _seeds(settings) | {name: value for name, value in chosen.items() if name in NAMES}


def _seeds(settings: Settings) -> dict[str, float]:
    return {name: float(getattr(settings.limits, name)) for name in NAMES}


def _price_limits(numbers: Mapping[str, float]) -> PriceLimits:
    needed = numbers["approvals_needed"]
    if needed % 1:
        raise InputError(
            f"A change cannot need {needed:g} approvals.", hint="Give a whole number from 1."
        )
    return PriceLimits(
        lowest_markup=numbers["lowest_markup"],
        highest_markup=numbers["highest_markup"],
        largest_step=numbers["largest_step"],
        human_premium_cap=numbers["human_premium_cap"],
        first_markup=numbers["first_markup"],
        first_share=numbers["first_share"],
        approvals_needed=int(needed),
        base_price_step=numbers["base_price_step"],
        base_price_day_step=numbers["base_price_day_step"],
        base_price_level=numbers["base_price_level"],
    )
