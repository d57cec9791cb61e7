"""Schedule leases: work that is due is done by one of several schedulers."""

from typing import Final

import sqlalchemy as sa

from phantom_core.core.settings import Settings
from phantom_core.database.connection import METADATA, control_of, write_transaction

SCHEDULE_LEASES: Final = sa.Table(
    "turns",
    METADATA,
    sa.Column("work", sa.String(64), primary_key=True),
    sa.Column("due", sa.String(64), primary_key=True),
    sa.Column("taken_ms", sa.BigInteger, nullable=False),
)


def take_lease(settings: Settings, work: str, due: str, now_ms: int) -> bool:
    """Take the lease of due work; False where another scheduler has taken it.

    Args:
        settings: names the control database.
        work: what is due.
        due: for when, the same text in every scheduler.
        now_ms: the clock, UTC milliseconds.
    """
    try:
        with write_transaction(control_of(settings.database_url, settings.workspace)) as connection:
            connection.execute(SCHEDULE_LEASES.insert().values(work=work, due=due, taken_ms=now_ms))
    except sa.exc.IntegrityError:
        return False
    return True
