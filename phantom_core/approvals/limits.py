"""Limits: guard rails, gates and banned features, which the control database alone holds.

The settings seed them once, when the database has none. From then on neither settings nor
environment of any process count, and every change is an administrator's, with an audit entry.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.actors import Internal, is_internal
from phantom_core.accounts.people import require_permission
from phantom_core.accounts.roles import Permission
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.errors import InputError
from phantom_core.core.limits import NAMES, PriceLimits
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import (
    METADATA,
    database_now_ms,
    is_writing,
    write_transaction,
)
from phantom_core.database.constraints import forbid_change, keep_rows

LIMITS: Final = sa.Table(
    "limits",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
)
LIMIT_LISTS: Final = sa.Table(
    "limit_lists",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("names", sa.Text, nullable=False),
)
_BANNED: Final = "banned_features"
_SEEDED: Final = "limits.seeded"
_CHANGED: Final = "limits.changed"
_BASE_PRICE_BOUNDS: Final = (
    "base_price_step",
    "base_price_day_step",
    "base_price_level",
    "base_price_month_step",
    "base_price_month_level",
)
_DAY_MS: Final = 86_400_000
for _table in (LIMITS, LIMIT_LISTS):
    keep_rows(_table)
    for _moment in ("INSERT", "UPDATE"):
        forbid_change(
            _table,
            f"{_table.name}_audited_{_moment.lower()}",
            _moment,
            "NOT EXISTS (SELECT 1 FROM audit a WHERE a.seq = (SELECT MAX(seq) FROM audit)"
            f" AND a.action IN ('{_SEEDED}', '{_CHANGED}'))",
            "limits change with an audit entry only",
        )


def read_price_limits(settings: Settings, connection: sa.Connection | None = None) -> PriceLimits:
    """The limits in force; a use case reads them once.

    Args:
        settings: name the database, and seed it where it has no limits yet.
        connection: to read with, where a transaction is open; None opens one.
    Raises:
        InputError: a setting that cannot be a limit.
        UnavailableError: the database does not answer.
    """
    if connection is not None:
        return _price_limits(_numbers(connection, settings))
    with seeded_database(settings).connect() as opened:
        return _price_limits(_numbers(opened, settings))


def read_load_limits(
    settings: Settings, connection: sa.Connection, who: str, *, now_ms: int
) -> PriceLimits:
    """The limits in force for a load of base prices.

    Whoever loosens a bound does not load within it alone: a person's own changes since another
    administrator's do not loosen it for them, and for the machine, which follows a source that
    anybody may have written, none does within a day.

    Args:
        settings: give the defaults of a database without limits.
        connection: with an open transaction.
        who: who loads.
        now_ms: UTC milliseconds.
    """
    numbers = _numbers(connection, settings)
    open_names = set(_BASE_PRICE_BOUNDS)
    for entry in reversed(audit.list_entries(connection, "limits")):
        changed = json.loads(entry.details) if entry.action == _CHANGED else {}
        names = open_names & changed.keys()
        is_old = entry.at_ms <= now_ms - _DAY_MS
        if is_old if is_internal(who) else entry.who != who:
            open_names -= names
            continue
        for name in names:
            numbers[name] = min(numbers[name], float(changed[name][0]))
    return _price_limits(numbers)


def read_banned_features(
    settings: Settings, connection: sa.Connection | None = None
) -> tuple[str, ...]:
    """Features that must not change a price.

    Args:
        settings: name the database, and seed it where it has no limits yet.
        connection: to read with, where a transaction is open; None opens one.
    Raises:
        UnavailableError: the database does not answer.
    """
    if connection is not None:
        return _banned(connection, settings)
    with seeded_database(settings).connect() as opened:
        return _banned(opened, settings)


def limits_in_words(limits: PriceLimits, banned: Sequence[str]) -> str:
    """Limits in force as JSON, as the audit chain and a release store them."""
    return json.dumps({**asdict(limits), _BANNED: sorted(banned)}, sort_keys=True)


def seed_price_limits(settings: Settings) -> PriceLimits:
    """The default limits, for use where the database is not available.

    Raises:
        InputError: a setting that cannot be a limit.
    """
    return _price_limits(_seeds(settings))


def seeded_database(settings: Settings) -> sa.Engine:
    """The control database of an installation, with limits.

    Raises:
        UnavailableError: the database does not answer.
    """
    engine = control_engine(settings)
    if not _is_seeded(engine):
        with write_transaction(engine) as connection:
            _seed(connection, settings)
        _is_seeded.cache_clear()
    return engine


def set_limits(
    engine: sa.Engine, who: str, values: Mapping[str, float], settings: Settings, *, now_ms: int
) -> PriceLimits:
    """Set some limits.

    Args:
        engine: of the control database.
        who: an administrator's login.
        values: new ones by name.
        settings: give the defaults of a database without limits.
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
        if changed:
            details = {name: [before[name], after[name]] for name in changed}
            audit.append_entry(connection, now_ms, who, _CHANGED, "limits", details)
        for name, value in changed.items():
            connection.execute(LIMITS.update().where(LIMITS.c.name == name).values(value=value))
    return found


def set_banned_features(
    engine: sa.Engine, who: str, features: Sequence[str], settings: Settings, *, now_ms: int
) -> tuple[str, ...]:
    """Set which features must not change a price.

    Args:
        engine: of the control database.
        who: an administrator's login.
        features: names of features.
        settings: give the defaults of a database without limits.
        now_ms: UTC milliseconds.
    Raises:
        NotAllowedError: not by this person.
    """
    names = tuple(dict.fromkeys(features))
    with write_transaction(engine) as connection:
        if not isinstance(who, Internal):
            require_permission(connection, who, Permission.LIMITS)
        before = _banned(connection, settings)
        if set(before) != set(names):
            details = {_BANNED: [list(before), list(names)]}
            audit.append_entry(connection, now_ms, who, _CHANGED, "limits", details)
            connection.execute(
                LIMIT_LISTS.update()
                .where(LIMIT_LISTS.c.name == _BANNED)
                .values(names=json.dumps(names))
            )
    return names


@cache
def _is_seeded(engine: sa.Engine) -> bool:
    """Whether a database has all limits, which it never loses."""
    with engine.connect() as connection:
        return not _missing(connection) and _stored_list(connection) is not None


def _seed(connection: sa.Connection, settings: Settings) -> None:
    """Write the limits that a database lacks, from the settings."""
    missing, needs_list = _missing(connection), _stored_list(connection) is None
    if not missing and not needs_list:
        return
    values = {name: _seeds(settings)[name] for name in missing}
    banned = list(settings.rules.banned_features)
    details = {**values, **({_BANNED: banned} if needs_list else {})}
    now_ms = int(connection.execute(sa.select(database_now_ms())).scalar_one())
    audit.append_entry(connection, now_ms, Internal.SHELL, _SEEDED, "limits", details)
    for name, value in values.items():
        connection.execute(LIMITS.insert().values(name=name, value=value))
    if needs_list:
        connection.execute(LIMIT_LISTS.insert().values(name=_BANNED, names=json.dumps(banned)))


def _missing(connection: sa.Connection) -> list[str]:
    known = set(connection.execute(sa.select(LIMITS.c.name)).scalars())
    return [name for name in NAMES if name not in known]


def _stored_list(connection: sa.Connection) -> tuple[str, ...] | None:
    text = connection.execute(
        sa.select(LIMIT_LISTS.c.names).where(LIMIT_LISTS.c.name == _BANNED)
    ).scalar()
    return None if text is None else tuple(json.loads(text))


def _banned(connection: sa.Connection, settings: Settings) -> tuple[str, ...]:
    if is_writing(connection):
        _seed(connection, settings)
    found = _stored_list(connection)
    return settings.rules.banned_features if found is None else found


def _numbers(connection: sa.Connection, settings: Settings) -> dict[str, float]:
    """Every limit by name, not validated, so that an administrator can correct a wrong setting."""
    if is_writing(connection):
        _seed(connection, settings)
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
    return PriceLimits(**{**numbers, "approvals_needed": int(needed)})  # type: ignore[arg-type]
