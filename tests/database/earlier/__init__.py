"""Databases as earlier releases made them, from the statements that those releases ran.

`sqlite.sql` and `postgresql.sql` hold each version of each table with its indexes and triggers,
`rows.json` a few rows of each table. A release is the set of table versions it created.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

FOLDER: Final = Path(__file__).parent
_APPROVALS: Final = (
    "audit",
    "decisions",
    "evidence",
    "people",
    "release_documents",
    "releases",
    "sign_ins",
)
_WATCHED: Final = (*_APPROVALS, "change_requests 2", "limits", "watch")
_REST: Final = ("alerts", "limits", "price_experiments", "turns", "watch")
RELEASES: Final[dict[str, tuple[str, ...]]] = {
    "jobs": ("jobs 1",),
    "approvals": (*_APPROVALS, "change_requests 1", "jobs 1"),
    "watched": (*_WATCHED, "jobs 1"),
    "alerts": ("alerts", "jobs 1"),
    "schedule": ("alerts", "jobs 1", "turns"),
    "approvals and schedule": (*_WATCHED, "alerts", "jobs 1", "turns"),
    "named jobs": (*_WATCHED, "jobs 2"),
    "experiments": (*_WATCHED, "jobs 1", "price_experiments"),
    "experiments and named jobs": (*_WATCHED, "jobs 2", "price_experiments"),
    "schedule and named jobs": (*_WATCHED, "alerts", "jobs 2", "turns"),
    "approvals, while empty opened by the last one before migrations": (
        *_APPROVALS,
        "change_requests 1 widened",
        "jobs 2",
        *_REST,
    ),
    "last before migrations": (*_APPROVALS, "change_requests 2", "jobs 2", *_REST),
}


def rows() -> dict[str, list[dict[str, Any]]]:
    """Rows by table, with every column that the last release before migrations had."""
    return json.loads((FOLDER / "rows.json").read_text())


def create(connection: sa.Connection, release: str) -> None:
    """Create a release's tables, rows and triggers."""
    sections = _sections((FOLDER / f"{connection.dialect.name}.sql").read_text())
    statements = [one for name in RELEASES[release] for one in sections[name]]
    triggers = [one for one in statements if re.match(r"CREATE (TRIGGER|OR REPLACE)", one)]
    for one in statements:
        if one not in triggers:
            connection.exec_driver_sql(one)
    for name in RELEASES[release]:
        table = sa.Table(name.split(" ")[0], sa.MetaData(), autoload_with=connection)
        for row in rows()[table.name]:
            connection.execute(
                table.insert().values({key: value for key, value in row.items() if key in table.c})
            )
    for one in triggers:
        connection.exec_driver_sql(one)


def _sections(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in text.strip().split("\n\n"):
        if one.startswith("-- "):
            statements = found.setdefault(one[3:], [])
        else:
            statements.append(one)
    return found
