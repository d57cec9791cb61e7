"""Saved queries: SQL by name, for everyone who uses the workspace."""

import re
from pathlib import Path
from typing import Final

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.lake.read_only_sql import require_reading
from phantom_core.model_store.store import replace_file

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,59}")
EXAMPLES: Final = {
    "Conversion by class": """\
SELECT label, COUNT(*) AS sessions, AVG(purchased::INT) AS conversion, SUM(total_revenue) AS revenue
FROM sessions GROUP BY label ORDER BY sessions DESC""",
    "Sessions per day and class": """\
SELECT make_timestamp(start_ms * 1000)::DATE AS day, label, COUNT(*) AS sessions
FROM sessions GROUP BY ALL ORDER BY day, label""",
    "Products that agents look at most": """\
SELECT e.product_id, COUNT(*) FILTER (WHERE s.agent_probability > 0.9) AS views_by_agents,
    COUNT(*) AS views
FROM events AS e JOIN sessions AS s USING (session_id)
WHERE e.product_id IS NOT NULL
GROUP BY e.product_id ORDER BY views_by_agents DESC LIMIT 50""",
    "Quoted prices by hour": """\
SELECT extract('hour' FROM make_timestamp(event_ms * 1000)) AS hour, COUNT(*) AS quotes,
    AVG(price / base_price) AS markup
FROM quotes GROUP BY hour ORDER BY hour""",
}


@requires(Permission.READ)
def query_names(settings: Settings) -> tuple[str, ...]:
    """Names of the saved queries, in order."""
    return tuple(sorted(path.stem for path in settings.paths.queries.glob("*.sql")))


@requires(Permission.READ)
def read_query(settings: Settings, name: str) -> str:
    """SQL of a saved query, or of an example.

    Raises:
        NotFoundError: there is none of this name.
    """
    if name not in query_names(settings):
        if name in EXAMPLES:
            return EXAMPLES[name]
        raise NotFoundError(f"There is no query '{name}'.", hint="Choose another one.")
    return _path(settings, name).read_text(encoding="utf-8")


@requires(Permission.WORK)
def save_query(settings: Settings, name: str, sql: str) -> None:
    """Save a query, in place of an earlier one of its name.

    Raises:
        InputError: its name cannot be used, or it does more than read.
    """
    if not _NAME.fullmatch(name) or name != name.strip():
        raise InputError(
            f"'{name}' cannot be the name of a query.",
            hint="Use letters, digits, blanks, '_', '-' and '.', at most 60.",
        )
    require_reading(sql)
    path = _path(settings, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, sql.encode())


@requires(Permission.WORK)
def delete_query(settings: Settings, name: str) -> None:
    """Delete a saved query.

    Raises:
        NotFoundError: there is none of this name.
    """
    if name not in query_names(settings):
        raise NotFoundError(f"There is no query '{name}'.", hint="Choose another one.")
    _path(settings, name).unlink()


def _path(settings: Settings, name: str) -> Path:
    return settings.paths.queries / f"{name}.sql"
