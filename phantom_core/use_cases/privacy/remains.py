"""Remains: what still holds an id after an erasure, found by searching everything again."""

from collections.abc import Iterator
from typing import Final

import pyarrow as pa

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.lake.lake import TABLES, open_lake
from phantom_core.use_cases.privacy.control_rows import rows_about
from phantom_core.use_cases.privacy.personal_data import PersonalData
from phantom_core.use_cases.privacy.server_keys import keys_about
from phantom_core.use_cases.privacy.workspace_files import lines_about, workspace_files

_KEY_COLUMNS: Final = ("session_id", "experiment_id", "subject_name")


@requires(Permission.PRIVACY)
def find_remains(settings: Settings, data: PersonalData) -> Iterator[str]:
    """Places that hold an id, one sentence each.

    Args:
        settings: of the installation.
        data: the ids.
    Raises:
        UnavailableError: a server does not answer.
    """
    lake = open_lake(settings)
    with lake.connect() as connection:
        for name, schema in TABLES.items():
            ids = [one for one in _KEY_COLUMNS if one in schema.names]
            texts = [one.name for one in schema if one.type == pa.string() and one.name not in ids]
            is_one = [f"{column} IN (SELECT unnest(?::VARCHAR[]))" for column in ids]
            holds = [f"regexp_matches({column}, ?)" for column in texts if data.words]
            conditions = " OR ".join([*is_one, *holds]) or "false"
            values: list[object] = [list(data.ids)] * len(is_one)
            values += [_regex(data)] * len(holds)
            query = f"SELECT COUNT(*) FROM {name} WHERE {conditions}"
            [(n_rows,)] = connection.execute(query, values).fetchall()
            if n_rows:
                yield f"The table {name} holds it in {n_rows:,} rows."
    for path in workspace_files(settings):
        if n_lines := len(lines_about(path, data)):
            yield f"The file {path.relative_to(settings.workspace)} holds it {n_lines:,} times."
    for name, rows in rows_about(settings, data).items():
        yield f"The table {name} of the control database holds it in {len(rows):,} rows."
    for key in keys_about(settings, data):
        yield f"The server holds the key {key.partition(':')[0]}."


def _regex(data: PersonalData) -> str:
    """The words as RE2 understands them: without look-around."""
    parts = "|".join(_escaped(one) for one in data.words)
    return rf"(^|[^\w-])({parts})([^\w-]|$)"


def _escaped(word: str) -> str:
    return "".join(one if one.isalnum() or one == "_" else f"\\{one}" for one in word)
