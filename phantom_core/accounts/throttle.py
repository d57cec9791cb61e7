"""Throttle: wrong passwords slow down whoever tries them, and nobody else.

Failures are counted by login and address together, and by address alone. Only hashes of both are
stored. Whoever tries from another address is not held up, so nobody can lock somebody out.
"""

import hashlib
import ipaddress
from typing import Final

import sqlalchemy as sa

from phantom_core.database.connection import METADATA

SIGN_IN_FAILURES: Final = sa.Table(
    "sign_in_failures",
    METADATA,
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("last_ms", sa.BigInteger, nullable=False),
    sa.Column("until_ms", sa.BigInteger, nullable=False),
)
FREE_TRIES: Final = 5
FREE_TRIES_OF_ADDRESS: Final = 30
LONGEST_MS: Final = 15 * 60_000
_FIRST_MS: Final = 2_000
_FORGOTTEN_MS: Final = 24 * 3_600_000
_IPV6_NETWORK: Final = 64


def is_throttled(connection: sa.Connection, login: str, address: str, now_ms: int) -> bool:
    """Whether tries at this login from this address have to wait."""
    sources = [source for source, _ in _sources(login, address)]
    query = sa.select(sa.func.max(SIGN_IN_FAILURES.c.until_ms)).where(
        SIGN_IN_FAILURES.c.source.in_(sources)
    )
    return (connection.execute(query).scalar() or 0) > now_ms


def count_failure(connection: sa.Connection, login: str, address: str, now_ms: int) -> int:
    """Count a wrong password, whether or not there is such an account.

    Each failure beyond the free ones doubles the wait, up to a quarter of an hour.

    Args:
        connection: of `write_transaction`.
        login: as it was entered, normalised.
        address: of the browser; empty for a command of this machine.
        now_ms: UTC milliseconds.
    Returns:
        Failures at this login from this address in a row.
    """
    connection.execute(
        SIGN_IN_FAILURES.delete().where(SIGN_IN_FAILURES.c.last_ms < now_ms - _FORGOTTEN_MS)
    )
    counts = []
    for source, free in _sources(login, address):
        row = connection.execute(
            SIGN_IN_FAILURES.select().where(SIGN_IN_FAILURES.c.source == source)
        ).first()
        failed = (row.failed if row else 0) + 1
        wait_ms = min(LONGEST_MS, _FIRST_MS << min(failed - free, 20)) if failed >= free else 0
        connection.execute(SIGN_IN_FAILURES.delete().where(SIGN_IN_FAILURES.c.source == source))
        connection.execute(
            SIGN_IN_FAILURES.insert().values(
                source=source, failed=failed, last_ms=now_ms, until_ms=now_ms + wait_ms
            )
        )
        counts.append(failed)
    return counts[0]


def forget_failures(connection: sa.Connection, login: str, address: str) -> None:
    """Forget the failures at a login from an address, after the right password."""
    source = _sources(login, address)[0][0]
    connection.execute(SIGN_IN_FAILURES.delete().where(SIGN_IN_FAILURES.c.source == source))


def _sources(login: str, address: str) -> tuple[tuple[str, int], tuple[str, int]]:
    network = _network(address)
    return (
        (_digest(f"login {login} {network}"), FREE_TRIES),
        (_digest(f"address {network}"), FREE_TRIES_OF_ADDRESS),
    )


def _network(address: str) -> str:
    """The address, or its network where one household has as many as it likes."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 6:
        return str(ipaddress.ip_network(f"{found}/{_IPV6_NETWORK}", strict=False))
    return str(found)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
