"""Leakage: the latest ledger as tables, and the purchases of each part."""

from typing import Final

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.leakage.leakage import Leakage
from phantom_core.leakage.ledger import Account, LedgerPart
from phantom_core.replay.reference import ReferenceName
from phantom_core.use_cases.rules.measure_leakage import purchases_file

MAX_ROWS: Final = 1_000
_COLUMN: Final = {"store mode": "store_mode"}


@needs_no_permission
def account_of(found: Leakage, reference: str) -> Account:
    """The account under a reference price; the first one where it is missing."""
    return next((one for one in found.accounts if one.reference == reference), found.accounts[0])


@needs_no_permission
def parts_table(account: Account, by: str) -> pd.DataFrame:
    """Breakdown of a total.

    Returns:
        key, leakage, low, high, share (of the leakage), share_of_revenue (over the part's own),
        purchases, by_agents, reference.
    """
    total = account.leakage.value
    return pd.DataFrame(
        [_row(part, total, account.reference) for part in account.parts.get(by, ())]
    )


@needs_no_permission
def everything_table(found: Leakage) -> pd.DataFrame:
    """All parts under all reference prices, a row each."""
    tables = [
        parts_table(account, by).assign(by=by) for account in found.accounts for by in account.parts
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


@requires(Permission.READ)
def purchases_of(
    settings: Settings,
    by: str,
    key: str,
    reference: ReferenceName,
    *,
    ledger: str | None = None,
    limit: int = MAX_ROWS,
) -> pd.DataFrame:
    """Purchases of a part, the largest leakage first.

    Args:
        settings: workspace.
        by: dimension.
        key: part; empty for all.
        reference: whose leakage orders them.
        ledger: name of the ledger; None means the newest.
        limit: rows wanted.
    """
    try:
        table = pq.read_table(purchases_file(settings, ledger))
    except (NotFoundError, OSError, pq.lib.ArrowException):
        return pd.DataFrame()
    column = _COLUMN.get(by, by)
    if key:
        names = pc.fill_null(table[column], "without a label") if by == "family" else table[column]
        table = table.filter(pc.equal(names, key))
    frame: pd.DataFrame = (
        table.sort_by([(f"leakage_{reference}", "descending")]).slice(0, limit).to_pandas()
    )
    frame["start"] = pd.to_datetime(frame.pop("start_ms"), unit="ms", utc=True)
    frame["time"] = pd.to_datetime(frame.pop("time_ms"), unit="ms", utc=True)
    return frame


def _row(part: LedgerPart, total: float, reference: str) -> dict[str, object]:
    return {
        "key": part.key,
        "leakage": part.leakage.value,
        "low": part.leakage.low,
        "high": part.leakage.high,
        "share": part.leakage.value / total if total else None,
        "share_of_revenue": part.leakage.value / part.revenue if part.revenue else None,
        "purchases": part.purchases,
        "by_agents": part.by_agents,
        "reference": reference,
    }
