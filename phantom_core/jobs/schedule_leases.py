"""Turns: work that is due at a time is done by one of however many schedulers there are."""

from typing import Final

import sqlalchemy as sa

from phantom_core.core.settings import Settings
from phantom_core.database.connection import METADATA, control_of, write_transaction

TURNS: Final = sa.Table(
    "turns",
    METADATA,
    sa.Column("work", sa.String(64), primary_key=True),
    sa.Column("due", sa.String(64), primary_key=True),
    sa.Column("taken_ms", sa.BigInteger, nullable=False),
)


def take_turn(settings: Settings, work: str, due: str, now_ms: int) -> bool:
    """Take a turn; False where somebody else has taken it.

    Args:
        settings: names the control database.
        work: what is due.
        due: which turn, the same text in every scheduler.
        now_ms: when this is, UTC milliseconds.
    """
    try:
        with write_transaction(control_of(settings.database_url, settings.workspace)) as connection:
            connection.execute(TURNS.insert().values(work=work, due=due, taken_ms=now_ms))
    except sa.exc.IntegrityError:
        return False
    return True
