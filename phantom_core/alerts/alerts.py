"""Alerts: open and cleared ones; each channel is notified once of either."""

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
        name: of its check.
        sentence: what was found when it was raised.
        raised_ms: UTC milliseconds.
        cleared_ms: None while it is open.
        notified_raised: channels that were notified of it.
        notified_cleared: channels that were notified that it is cleared.
    """

    alert_id: int
    name: str
    sentence: str
    raised_ms: int
    cleared_ms: int | None
    notified_raised: tuple[str, ...]
    notified_cleared: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Whether it is not cleared yet."""
        return self.cleared_ms is None


class Alerts:
    """The alerts of one workspace.

    Args:
        settings: names the workspace and the control database.
    """

    def __init__(self, settings: Settings) -> None:
        self._engine = control_of(settings.database_url, settings.workspace)

    def follow(self, found: Mapping[str, str], cleared: frozenset[str], now_ms: int) -> None:
        """Raise new alerts and clear resolved ones; others stay as they are.

        Args:
            found: sentence by name of what was found now.
            cleared: names of what is resolved.
            now_ms: the clock, UTC milliseconds.
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
        clearing = (
            ALERTS.update()
            .where(ALERTS.c.open_name.in_(cleared))
            .values(open_name=None, cleared_ms=now_ms)
        )
        with write_transaction(self._engine) as connection:
            connection.execute(clearing)

    def all(self, *, most: int = 200) -> tuple[Alert, ...]:
        """The newest alerts, the newest first."""
        query = ALERTS.select().order_by(ALERTS.c.alert_id.desc()).limit(most)
        with self._engine.begin() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(_alert(row) for row in rows)

    def claim_notification(self, alert: Alert, channel: str) -> bool:
        """Record that a channel is about to be notified; False where another process does it.

        Where the channel then fails, `release_notification` allows another attempt.
        """
        return self._update_channels(
            alert, lambda names: None if channel in names else (*names, channel)
        )

    def release_notification(self, alert: Alert, channel: str) -> None:
        """Record that a channel was not notified."""
        self._update_channels(alert, lambda names: tuple(name for name in names if name != channel))

    def _update_channels(self, alert: Alert, change: Change) -> bool:
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
