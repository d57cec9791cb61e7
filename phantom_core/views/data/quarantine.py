"""Quarantine: rejected rows, the reasons, and how to fix them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pandas as pd

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.csv_file import write_csv
from phantom_core.lake.lake import Lake
from phantom_core.views.data.reasons import reason_of

MAX_ROWS: Final = 1_000
_BATCH_ROWS: Final = 50_000


@dataclass(frozen=True, slots=True)
class QuarantineView:
    """Rows in quarantine that pass a filter.

    Attributes:
        n_all: rows in quarantine, count.
        n_matching: of those, rows that pass the filter; `rows` holds the first of them.
        reasons: all reasons; columns reason, rows, files, meaning, fix; most frequent first.
        files: files with rows in quarantine, by name.
        rows: columns file, line, reason, detail, raw.
        lake: to read the remaining rows from.
        reason: of the filter.
        file: of the filter.
    """

    n_all: int
    n_matching: int
    reasons: pd.DataFrame
    files: tuple[str, ...]
    rows: pd.DataFrame
    lake: Lake
    reason: str | None
    file: str | None

    def to_json(self) -> dict[str, object]:
        """The view as plain values."""
        return {
            "quarantined": self.n_all,
            "matching": self.n_matching,
            "reasons": dict(
                zip(self.reasons["reason"].tolist(), self.reasons["rows"].tolist(), strict=True)
            ),
            "rows": self.rows.astype(object).where(self.rows.notna(), None).to_dict("records"),
        }

    def write_csv(self, path: Path) -> None:
        """Write every matching row to a CSV file."""
        where, values = _where(self.reason, self.file)
        with self.lake.connect(("quarantine", "loads")) as connection:
            found = connection.sql(_rows(where), params=values)
            batches = found.to_arrow_reader(_BATCH_ROWS)
            write_csv(batches.schema, batches, path)


@requires(Permission.READ)
def quarantine_view(
    lake: Lake, *, reason: str | None = None, file: str | None = None, limit: int = MAX_ROWS
) -> QuarantineView:
    """Read the quarantine.

    Args:
        lake: that holds it.
        reason: only rows with this reason code.
        file: only rows of this file.
        limit: rows wanted, from 0.
    """
    where, values = _where(reason, file)
    with lake.connect(("quarantine", "loads")) as connection:
        reasons = connection.execute(
            "SELECT reason, COUNT(*) AS rows, COUNT(DISTINCT file) AS files FROM quarantine GROUP "
            "BY reason ORDER BY rows DESC, reason"
        ).df()
        files = connection.execute("SELECT DISTINCT file FROM quarantine ORDER BY file").fetchall()
        rows = connection.execute(f"{_rows(where)} LIMIT {limit}", values).df()
        return QuarantineView(
            n_all=int(reasons["rows"].sum()),
            n_matching=_count(connection, where, values),
            reasons=reasons.assign(
                meaning=[reason_of(code).meaning for code in reasons["reason"]],
                fix=[reason_of(code).fix for code in reasons["reason"]],
            ),
            files=tuple(row[0] for row in files),
            rows=rows,
            lake=lake,
            reason=reason,
            file=file,
        )


def _rows(where: str) -> str:
    return (
        f"SELECT file, line, reason, detail, raw FROM quarantine WHERE {where} ORDER BY file, "
        "line, reason"
    )


def _count(connection: duckdb.DuckDBPyConnection, where: str, values: Sequence[str]) -> int:
    return int(
        connection.execute(
            f"SELECT COUNT(*) FROM quarantine WHERE {where}", list(values)
        ).fetchall()[0][0]
    )


def _where(reason: str | None, file: str | None) -> tuple[str, list[str]]:
    wanted = {
        column: value for column, value in (("reason", reason), ("file", file)) if value is not None
    }
    return " AND ".join(f"{column} = ?" for column in wanted) or "TRUE", list(wanted.values())
