"""Loads: the ledger of loaded files."""

import json
from typing import Final

import pandas as pd

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.lake.lake import Lake

MAX_ROWS: Final = 1_000


@requires(Permission.READ)
def loads_view(lake: Lake, limit: int = MAX_ROWS) -> pd.DataFrame:
    """Read the ledger, newest load first.

    Args:
        lake: that holds it.
        limit: loads wanted.
    Returns:
        Columns loaded (UTC), kind, file, mapping, read, accepted, duplicates, quarantined (count),
        reasons, warnings, seconds.
    """
    with lake.connect(("loads",)) as connection:
        ledger = connection.execute(
            f"""
            SELECT
                make_timestamp(loaded_ms * 1000) AS loaded, kind, file, mapping,
                rows_read AS read, accepted, duplicates,
                rows_read - accepted - duplicates AS quarantined, quarantined AS reasons,
                warnings, seconds
            FROM loads ORDER BY load_seq DESC LIMIT {limit}"""
        ).df()
    return ledger.assign(
        reasons=[
            ", ".join(f"{reason} {n:,}" for reason, n in json.loads(text).items())
            for text in ledger["reasons"]
        ],
        warnings=[" ".join(json.loads(text)) for text in ledger["warnings"]],
    )
