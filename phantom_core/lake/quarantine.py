"""The quarantine: rows that were not taken, each with its file, line, reason and text."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from phantom_core.lake.lake import Lake


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Rows in quarantine.

    Attributes:
        reasons: rows by reason code, over the whole quarantine.
        rows: file, line, reason, detail, raw.
    """

    reasons: dict[str, int]
    rows: pa.Table

    def to_json(self) -> dict[str, object]:
        """The counts and the rows as plain values."""
        return {"reasons": self.reasons, "rows": self.rows.to_pylist()}

    def write_csv(self, path: Path) -> None:
        """Write the rows to a file, to be mended and loaded again."""
        pa_csv.write_csv(self.rows, path)


def read_quarantine(lake: Lake, *, reason: str | None = None, limit: int | None = None) -> Quarantine:
    """Read rows in quarantine, in the order of files and lines.

    Args:
        lake: whose.
        reason: only rows with this reason.
        limit: at most this many rows; None for all.
    """
    with lake.connect(("quarantine", "loads")) as connection:
        reasons = connection.execute("SELECT reason, COUNT(*) FROM quarantine GROUP BY reason ORDER BY reason").fetchall()
        rows = connection.sql(
            "SELECT file, line, reason, detail, raw FROM quarantine WHERE $reason IS NULL OR reason = $reason "
            "ORDER BY file, line LIMIT $limit",
            params={"reason": reason, "limit": limit},
        )
        return Quarantine(dict(reasons), rows.to_arrow_table())
