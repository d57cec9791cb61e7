"""Purchases: what sessions bought, at base prices."""

from pathlib import Path
from typing import Final

import duckdb
import numpy as np
from numpy.typing import NDArray

_SQL: Final = Path(__file__).with_name("purchased_value.sql").read_text(encoding="utf-8")


def base_value(
    connection: duckdb.DuckDBPyConnection, session_keys: NDArray[np.int64]
) -> NDArray[np.float64]:
    """What each session bought, at base prices.

    Args:
        connection: has the relations `events` and `quotes`.
        session_keys: sessions in ascending order, shape (n_sessions,).
    Returns:
        Currency, shape (n_sessions,); 0 without a purchase.
    """
    found = connection.sql(f"SELECT * FROM ({_SQL}) ORDER BY session_key").to_arrow_table()
    keys, values = found["session_key"].to_numpy(), found["base_value"].to_numpy()
    position = np.searchsorted(keys, session_keys)
    inside = position < len(keys)
    same = inside & (keys[np.where(inside, position, 0)] == session_keys) if len(keys) else inside
    bought = np.zeros(len(session_keys))
    bought[same] = values[position[same]]
    return bought
