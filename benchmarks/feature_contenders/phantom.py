"""PHANTOM: SQL files on DuckDB, range by range."""

from collections.abc import Sequence

import pyarrow as pa

from phantom_core.features.build import session_tables


def features(files: Sequence[str]) -> pa.Table:
    """All features of all sessions in event files."""
    return pa.concat_tables(table for _, table in session_tables(files, with_attributes=False))
