"""Watch log: what the watcher saw last, for every page and process to show."""

import json
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from phantom_core.database.connection import METADATA, write_transaction

WATCH: Final = sa.Table(
    "watch",
    METADATA,
    sa.Column("what", sa.String(32), primary_key=True),
    sa.Column("checked_ms", sa.BigInteger, nullable=False),
    sa.Column("since_ms", sa.BigInteger, nullable=False),
    sa.Column("told", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest look.

    Attributes:
        checked_ms: when, UTC milliseconds.
        since_ms: since when it has been so.
        told: what is wrong, in plain sentences; empty where nothing is.
    """

    checked_ms: int
    since_ms: int
    told: tuple[str, ...]


def write_watch_note(engine: sa.Engine, what: str, told: tuple[str, ...], *, now_ms: int) -> Seen:
    """Write down what was seen."""
    before = last_seen(engine, what)
    since_ms = before.since_ms if before and before.told == told else now_ms
    with write_transaction(engine) as connection:
        connection.execute(WATCH.delete().where(WATCH.c.what == what))
        connection.execute(
            WATCH.insert().values(
                what=what, checked_ms=now_ms, since_ms=since_ms, told=json.dumps(list(told))
            )
        )
    return Seen(now_ms, since_ms, told)


def last_seen(engine: sa.Engine, what: str) -> Seen | None:
    """The newest look; None before the first."""
    with engine.connect() as connection:
        row = connection.execute(WATCH.select().where(WATCH.c.what == what)).first()
    return Seen(row.checked_ms, row.since_ms, tuple(json.loads(row.told))) if row else None
