"""Validator: the checks of files for single messages, a few at a time within milliseconds.

Planning the checks takes 25 ms, running them on a hundred messages 6 ms, so a validator plans once.
It takes no Arrow tables, which would import pandas, and plans without the optimizer, whose plan is
slower on a handful of rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from phantom_core.events.canonical import message_mapping
from phantom_core.events.checks import check_statement, register_checks
from phantom_core.events.mapping import Kind
from phantom_core.events.staging import mapped_select
from phantom_core.events.text_rows import TextRow


@dataclass(frozen=True, slots=True)
class Validation:
    """The result of the checks for one message.

    Attributes:
        session_id: its session; None where it names none.
        reason: reason code of a message that cannot be used, else "".
        detail: what was found, in words.
    """

    session_id: str | None
    reason: str = ""
    detail: str = ""


class Validator:
    """Validates JSON messages of one kind. Not thread-safe.

    Args:
        kind: "events" or "quotes".
        future_tolerance_s: how far a message may be ahead of the clock, s.
        max_chars: longer fields are rejected.
    """

    def __init__(self, kind: Kind, *, future_tolerance_s: int, max_chars: int) -> None:
        self._tolerance_ms = future_tolerance_s * 1_000
        mapping, columns = message_mapping(kind)
        self._connection = duckdb.connect(config={"threads": 1})
        register_checks(self._connection, mapping, newest_ms=0, max_chars=max_chars)
        self._connection.execute(
            "CREATE TABLE raw (_line BIGINT, _problem VARCHAR, _detail VARCHAR, _text VARCHAR, "
            "doc VARCHAR)"
        )
        self._connection.execute(f"CREATE VIEW mapped AS {mapped_select(mapping, columns)}")
        self._connection.execute("PRAGMA disable_optimizer")
        checks = check_statement(kind).replace("FROM mapped", "FROM mapped_once")
        statement = (
            f"WITH mapped_once AS MATERIALIZED (FROM mapped), {checks[checks.index('timed AS') :]}"
        )
        self._connection.execute(
            f"PREPARE validate_rows AS SELECT line, session_id, reason, detail FROM ({statement})"
        )

    def validate(self, rows: Sequence[TextRow], now_ms: int) -> list[Validation]:
        """Validate messages.

        Args:
            rows: one document each, or a malformed row; lines count from 0 in
                steps of 1.
            now_ms: the clock, UTC milliseconds.
        Returns:
            A result for each row, in their order.
        """
        if not rows:
            return []
        self._connection.execute("UPDATE clock SET newest_ms = ?", [now_ms + self._tolerance_ms])
        self._connection.execute("TRUNCATE raw")
        columns = [
            [row.line for row in rows],
            *(
                [getattr(row, name) if row.problem else None for row in rows]
                for name in ("problem", "detail", "text")
            ),
            [row.cells[0] if row.cells else None for row in rows],
        ]
        types = ("BIGINT", *("VARCHAR",) * 4)
        self._connection.execute(
            f"INSERT INTO raw SELECT {', '.join(f'unnest(?::{kind}[])' for kind in types)}", columns
        )
        found: list[Validation | None] = [None] * len(rows)
        for line, session_id, reason, detail in self._connection.execute(
            "EXECUTE validate_rows"
        ).fetchall():
            found[line] = Validation(session_id, reason or "", detail or "" if reason else "")
        return [result for result in found if result is not None]
