"""Duplicates: which staged rows are new in the lake.

Equal rows of one file are that many events: the second one has an id of its own, the same whenever
the file is loaded. Messages of a stream are delivered again, so equal ones are one event there.
"""

from collections.abc import Sequence
from typing import Final

import duckdb

from phantom_core.lake.lake import Lake

# Ids as releases before event_seq made them, of what staged rows still say.
_FORMER_IDS: Final = {
    "events": """key_of(CASE
        WHEN client_event_id IS NOT NULL THEN 'id' || chr(31) || client_event_id
        ELSE concat_ws(
            chr(31), session_id, event_us, event_name, COALESCE(experiment_id, chr(30)),
            COALESCE(sent_mode, chr(30)), COALESCE(page, chr(30)), COALESCE(product_id, chr(30)),
            COALESCE(user_agent, chr(30)), COALESCE(CAST(json(metadata) AS VARCHAR), chr(30))
        )
    END)""",
    "quotes": """key_of(concat_ws(
        chr(31), session_id, event_us, product_id, price, COALESCE(experiment_id, chr(30)),
        COALESCE(sent_mode, chr(30)), COALESCE(CAST(base_price AS VARCHAR), chr(30)),
        COALESCE(CAST(propensity AS VARCHAR), chr(30))
    ))""",
}


def number_repeats(staged: duckdb.DuckDBPyConnection) -> None:
    """Give equal rows of one file ids of their own, by their order in it."""
    staged.execute(
        """
        UPDATE staged SET event_id = numbered.event_id FROM (
            SELECT
                rowid AS row,
                key_of(event_id || chr(31) || ROW_NUMBER() OVER one_event) AS event_id,
                ROW_NUMBER() OVER one_event AS place
            FROM staged
            WHERE reason IS NULL AND client_event_id IS NULL AND event_id IN (
                SELECT event_id FROM staged WHERE reason IS NULL AND client_event_id IS NULL
                GROUP BY event_id HAVING COUNT(*) > 1
            )
            WINDOW one_event AS (PARTITION BY event_id ORDER BY line, part, rowid)
        ) AS numbered
        WHERE numbered.place > 1 AND staged.rowid = numbered.row"""
    )


def mark_fresh(
    lake: Lake, staged: duckdb.DuckDBPyConnection, table: str, without: Sequence[int] = ()
) -> None:
    """Make the table `fresh`: valid rows, the first of their id in the file, not in the lake.

    Args:
        lake: where rows may be known.
        staged: has the table `staged`.
        table: events or quotes.
        without: numbers of loads whose rows are about to be replaced, and do not count as known.
    """
    left_out = f"WHERE load_seq NOT IN ({', '.join(map(str, without))})" if without else ""
    staged.execute(
        f"CREATE OR REPLACE TEMP VIEW known AS SELECT event_id, event_seq "
        f"FROM ({lake.select(table)}) {left_out}"
    )
    staged.execute(
        """
        CREATE OR REPLACE TEMP TABLE fresh AS
        WITH first_ones AS (
            SELECT event_id, MIN(rowid) AS row FROM staged WHERE reason IS NULL GROUP BY event_id
        )
        SELECT f.row FROM first_ones AS f
        ANTI JOIN (SELECT event_id FROM known) AS k USING (event_id)"""
    )
    if _has_former_rows(lake, table):
        staged.execute(
            f"""
            DELETE FROM fresh WHERE row IN (
                SELECT s.rowid
                FROM (SELECT rowid, {_FORMER_IDS[table]} AS former_id FROM staged
                    WHERE reason IS NULL) AS s
                SEMI JOIN (SELECT event_id FROM known WHERE event_seq = 0) AS k
                    ON k.event_id = s.former_id
            )"""
        )


def _has_former_rows(lake: Lake, table: str) -> bool:
    """Whether a release before event_seq loaded some of the rows."""
    with lake.connect(("loads",)) as connection:
        [(n_loads,)] = connection.execute(
            "SELECT COUNT(*) FROM loads WHERE kind = ? AND mapping_sha256 IS NULL", [table]
        ).fetchall()
    return bool(n_loads)
