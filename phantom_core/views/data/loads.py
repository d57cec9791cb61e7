"""Loads: the ledger of loaded files."""

import json
from dataclasses import dataclass
from typing import Final

import pandas as pd

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.events.load_warning import parse_warnings
from phantom_core.jobs.job_request import PlainReport
from phantom_core.lake.lake import Lake

MAX_ROWS: Final = 1_000


@dataclass(frozen=True, slots=True)
class ListedLoad:
    """A load of the ledger.

    Attributes:
        load_id: what `unload` takes.
        kind, file, mapping: as of the load.
        read, accepted, duplicates: rows.
        loaded_ms, removed_ms: UTC milliseconds; removed_ms is None while the rows are there.
    """

    load_id: str
    kind: str
    file: str
    mapping: str
    read: int
    accepted: int
    duplicates: int
    loaded_ms: int
    removed_ms: int | None


@dataclass(frozen=True, slots=True)
class LoadList(PlainReport):
    """Loads, newest first."""

    loads: tuple[ListedLoad, ...]


@requires(Permission.READ)
def load_list(lake: Lake, limit: int = MAX_ROWS) -> LoadList:
    """The newest loads, for the command line.

    Args:
        lake: that holds the ledger.
        limit: loads wanted.
    """
    with lake.connect(("loads",)) as connection:
        rows = connection.execute(
            "SELECT load_id, kind, file, mapping, rows_read, accepted, duplicates, loaded_ms, "
            f"removed_ms FROM loads ORDER BY load_seq DESC LIMIT {limit}"
        ).fetchall()
    return LoadList(tuple(ListedLoad(*row) for row in rows))


@requires(Permission.READ)
def loads_view(lake: Lake, limit: int = MAX_ROWS) -> pd.DataFrame:
    """Read the ledger, newest load first.

    Args:
        lake: that holds it.
        limit: loads wanted.
    Returns:
        Columns loaded (UTC), kind, file, mapping, read, accepted, duplicates, quarantined (count),
        reasons, warnings, seconds, taken_out (UTC; NULL while the rows are there), load_id.
    """
    with lake.connect(("loads",)) as connection:
        ledger = connection.execute(
            f"""
            SELECT
                make_timestamp(loaded_ms * 1000) AS loaded, kind, file, mapping,
                rows_read AS read, accepted, duplicates,
                rows_read - accepted - duplicates AS quarantined, quarantined AS reasons,
                warnings, seconds, make_timestamp(removed_ms * 1000) AS taken_out, load_id
            FROM loads ORDER BY load_seq DESC LIMIT {limit}"""
        ).df()
    return ledger.assign(
        reasons=[
            ", ".join(f"{reason} {n:,}" for reason, n in json.loads(text).items())
            for text in ledger["reasons"]
        ],
        warnings=[
            " ".join(one.text for one in parse_warnings(text)) for text in ledger["warnings"]
        ],
    )
