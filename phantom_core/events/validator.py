"""The judge: single messages against the same checks as files, a few at a time and within
milliseconds.

Planning the checks takes 25 ms, running them on a hundred messages 6: a judge plans once and keeps
the plan. It takes no Arrow tables, which would import pandas, and plans without the optimizer,
whose plan runs slower on a handful of rows.
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
    """What the checks say of one message.

    Attributes:
        session_id: whose it is; None where it names nobody.
        reason: reason code of a message that cannot be used, else "".
        detail: what was found, in words.
    """

    session_id: str | None
    reason: str = ""
    detail: str = ""


class Validator:
    """Judges JSON messages of one kind. Not for two threads at once.

    Args:
        kind: "events" or "quotes".
        future_tolerance_s: how far a message may be ahead of the clock, s.
        max_chars: a longer field is refused.
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
        judged = check_statement(kind).replace("FROM mapped", "FROM mapped_once")
        statement = (
            f"WITH mapped_once AS MATERIALIZED (FROM mapped), {judged[judged.index('timed AS') :]}"
        )
        self._connection.execute(
            f"PREPARE judged AS SELECT line, session_id, reason, detail FROM ({statement})"
        )

    def judge(self, rows: Sequence[TextRow], now_ms: int) -> list[Validation]:
        """Judge messages.

        Args:
            rows: one document each, or what is physically broken about it; lines count from 0 in
                steps of 1.
            now_ms: the clock, UTC milliseconds.
        Returns:
            A verdict for each row, in their order.
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
            "EXECUTE judged"
        ).fetchall():
            found[line] = Validation(session_id, reason or "", detail or "" if reason else "")
        return [verdict for verdict in found if verdict is not None]
