"""Alerts: what somebody was told and has not cleared since; each is told once, and told again when
it is over.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from phantom_core.core.settings import Settings
from phantom_core.database.connection import METADATA, control_of, write_transaction

ALERTS: Final = sa.Table(
    "alerts",
    METADATA,
    sa.Column("alert_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("name", sa.String(128), nullable=False),
    # The name while it is open, NULL afterwards: two processes cannot open the same one.
    sa.Column("open_name", sa.String(128), unique=True),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("raised_ms", sa.BigInteger, nullable=False),
    sa.Column("cleared_ms", sa.BigInteger),
    sa.Column("told_raised", sa.Text, nullable=False),
    sa.Column("told_cleared", sa.Text, nullable=False),
)
Names = tuple[str, ...]
Change = Callable[[Names], Names | None]


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        name: of the check behind it.
        sentence: what was found when it was raised.
        raised_ms: UTC milliseconds.
        cleared_ms: None while it is open.
        told_raised: channels that were told of it.
        told_cleared: channels that were told that it is over.
    """

    alert_id: int
    name: str
    sentence: str
    raised_ms: int
    cleared_ms: int | None
    told_raised: tuple[str, ...]
    told_cleared: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Whether it still holds."""
        return self.cleared_ms is None


class Alerts:
    """The alerts of one workspace.

    Args:
        settings: names the workspace and the control database.
    """

    def __init__(self, settings: Settings) -> None:
        self._engine = control_of(settings.database_url, settings.workspace)

    def follow(self, found: Mapping[str, str], cleared: frozenset[str], now_ms: int) -> None:
        """Open what is new, and clear what is over; what is in neither stays as it is.

        Args:
            found: name → sentence of what holds now.
            cleared: names of what does not hold any more.
            now_ms: when this is, UTC milliseconds.
        """
        for name, sentence in found.items():
            row = {
                "name": name,
                "open_name": name,
                "sentence": sentence,
                "raised_ms": now_ms,
                "told_raised": "[]",
                "told_cleared": "[]",
            }
            try:
                with write_transaction(self._engine) as connection:
                    connection.execute(ALERTS.insert().values(row))
            except sa.exc.IntegrityError:
                continue  # it is open already
        over = (
            ALERTS.update()
            .where(ALERTS.c.open_name.in_(cleared))
            .values(open_name=None, cleared_ms=now_ms)
        )
        with write_transaction(self._engine) as connection:
            connection.execute(over)

    def all(self, *, most: int = 200) -> tuple[Alert, ...]:
        """The newest alerts, the newest first."""
        query = ALERTS.select().order_by(ALERTS.c.alert_id.desc()).limit(most)
        with self._engine.begin() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(_alert(row) for row in rows)

    def told(self, alert: Alert, channel: str) -> bool:
        """Note that a channel is about to be told the newest of an alert; False where another
        process has told it.

        A channel that then fails is taken back by `untold`, so that it is tried again next time.
        """
        return self._note(alert, lambda names: None if channel in names else (*names, channel))

    def untold(self, alert: Alert, channel: str) -> None:
        """Take a note back."""
        self._note(alert, lambda names: tuple(name for name in names if name != channel))

    def _note(self, alert: Alert, change: Change) -> bool:
        column = ALERTS.c.told_raised if alert.is_open else ALERTS.c.told_cleared
        with write_transaction(self._engine) as connection:
            before = connection.execute(
                sa.select(column).where(ALERTS.c.alert_id == alert.alert_id)
            ).scalar_one()
            after = change(tuple(json.loads(before)))
            if after is None:
                return False
            connection.execute(
                ALERTS.update()
                .where(ALERTS.c.alert_id == alert.alert_id)
                .values({column: json.dumps(after)})
            )
        return True


def _alert(row: sa.RowMapping) -> Alert:
    return Alert(
        row["alert_id"],
        row["name"],
        row["sentence"],
        row["raised_ms"],
        row["cleared_ms"],
        tuple(json.loads(row["told_raised"])),
        tuple(json.loads(row["told_cleared"])),
    )
