"""Ledger store: the newest ledgers of each author, with the purchases behind them."""

from pathlib import Path
from typing import Final

import pyarrow as pa

from phantom_core.leakage.leakage import Leakage, read_leakage
from phantom_core.model_store.run_store import RunStore

MAX_LEDGERS: Final = 20


class LedgerStore:
    """Ledgers in a folder, the newest MAX_LEDGERS of each author.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.runs = RunStore(
            root,
            "ledger.json",
            "purchases.parquet",
            MAX_LEDGERS,
            "The leakage has not been measured in this workspace yet.",
            "Measure it first.",
        )

    def save(self, found: Leakage, purchases: pa.Table) -> str:
        """Save a ledger.

        Args:
            found: the ledger.
            purchases: behind it.
        Returns:
            Its name.
        """
        return self.runs.save(found.to_text(), purchases)

    def open(self, name: str | None = None) -> Leakage:
        """Read a ledger.

        Args:
            name: of the ledger; None means the newest.
        Raises:
            NotFoundError: there is none.
            DataError: its file is damaged.
        """
        return read_leakage(*self.runs.text(name))

    def purchases_file(self, name: str | None = None) -> Path:
        """File of the purchases behind a ledger.

        Args:
            name: of the ledger; None means the newest.
        Raises:
            NotFoundError: there is none.
        """
        return self.runs.table_file(name)
