"""Watch log: the newest result of each watcher, for all pages and processes."""

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
class WatchResult:
    """The newest result of a watcher.

    Attributes:
        checked_ms: when, UTC milliseconds.
        since_ms: since when the problems are the same.
        problems: what is wrong, one sentence each; empty where nothing is.
    """

    checked_ms: int
    since_ms: int
    problems: tuple[str, ...]


def store_watch_result(
    engine: sa.Engine, what: str, problems: tuple[str, ...], *, now_ms: int
) -> WatchResult:
    """Store the result of a check."""
    before = read_watch_result(engine, what)
    since_ms = before.since_ms if before and before.problems == problems else now_ms
    with write_transaction(engine) as connection:
        connection.execute(WATCH.delete().where(WATCH.c.what == what))
        connection.execute(
            WATCH.insert().values(
                what=what, checked_ms=now_ms, since_ms=since_ms, told=json.dumps(list(problems))
            )
        )
    return WatchResult(now_ms, since_ms, problems)


def read_watch_result(engine: sa.Engine, what: str) -> WatchResult | None:
    """The newest result; None before the first check."""
    with engine.connect() as connection:
        row = connection.execute(WATCH.select().where(WATCH.c.what == what)).first()
    return WatchResult(row.checked_ms, row.since_ms, tuple(json.loads(row.told))) if row else None
