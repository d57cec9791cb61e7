"""Export: everything that is stored about a session, an experiment subject or an account."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from phantom_core.accounts.actors import Internal
from phantom_core.accounts.people import require_permission
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.errors import DataError
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction
from phantom_core.features.store import FeatureStore
from phantom_core.lake.erased import ErasedIds
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.messages.segments import list_segments, read_records
from phantom_core.use_cases.privacy.control_rows import rows_about
from phantom_core.use_cases.privacy.personal_data import (
    PersonalData,
    PersonKind,
    find_personal_data,
)
from phantom_core.use_cases.privacy.server_keys import keys_about
from phantom_core.use_cases.privacy.workspace_files import lines_about, workspace_files

FORMAT: Final = "phantom-personal-data/1"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PersonalDataExport:
    """Everything about one session, subject or account.

    Attributes:
        format: of this document.
        kind: session, subject or account.
        name: as requested.
        exported_ms: UTC milliseconds.
        sessions: ids of its sessions.
        lake: rows by table; features are the newest ones of each session.
        files: lines, entries or rows by file of the workspace.
        messages: records of topics and of the decision log that are kept in segments.
        control: rows of the control database by table, without passwords and tokens.
        keys: values of the pricing server by key.
    """

    format: str
    kind: PersonKind
    name: str
    exported_ms: int
    sessions: tuple[str, ...]
    lake: Mapping[str, list[Row]]
    files: Mapping[str, list[str]]
    messages: Mapping[str, list[str]]
    control: Mapping[str, list[Row]]
    keys: Mapping[str, object]

    def to_json(self) -> dict[str, object]:
        """The export as plain values."""
        return asdict(self)


@requires(Permission.PRIVACY)
def export_personal_data(
    settings: Settings, who: str, kind: PersonKind, name: str, *, now_ms: int
) -> PersonalDataExport:
    """Collect everything about a session, subject or account; the export is audited.

    Args:
        settings: of the installation.
        who: login of an account that may export, or MACHINE.
        kind: what the name is of.
        name: session id, subject name or login.
        now_ms: the clock, UTC milliseconds.
    Raises:
        NotAllowedError: not by this account.
        UnavailableError: a server does not answer.
    """
    with control_engine(settings).connect() as connection:
        if not isinstance(who, Internal):
            require_permission(connection, who, Permission.PRIVACY)
    lake = open_lake(settings)
    data = find_personal_data(lake, kind, name)
    is_account = kind == "account"
    made = PersonalDataExport(
        FORMAT,
        kind,
        name,
        now_ms,
        data.sessions,
        {} if is_account else _lake_rows(lake, data),
        {} if is_account else _file_lines(settings, data),
        {} if is_account else _messages(settings, data),
        rows_about(settings, data),
        keys_about(settings, data),
    )
    ids = ErasedIds(settings.workspace)
    details = {"kind": kind, "digest": ids.digest(kind, name), "sessions": len(data.sessions)}
    with write_transaction(control_engine(settings)) as connection:
        audit.append_entry(connection, now_ms, who, "privacy.exported", "personal data", details)
    return made


def _lake_rows(lake: Lake, data: PersonalData) -> dict[str, list[Row]]:
    sessions, found = list(data.sessions), {}
    with lake.connect() as connection:
        for table in ("events", "quotes", "decisions", "session_labels"):
            found[table] = connection.sql(
                f"SELECT * FROM {table} WHERE session_id IN (SELECT unnest(?::VARCHAR[]))",
                params=[sessions],
            ).to_arrow_table()
        found["experiments"] = connection.sql(
            "SELECT * FROM experiments WHERE subject_name = ? OR experiment_id IN (SELECT "
            "experiment_id FROM events WHERE session_id IN (SELECT unnest(?::VARCHAR[])))",
            params=[data.name, sessions],
        ).to_arrow_table()
        refused = connection.sql("SELECT * FROM quarantine").to_arrow_table()
    rows = {name: table.to_pylist() for name, table in found.items()}
    rows["quarantine"] = [row for row in refused.to_pylist() if any(map(data.is_one, row.values()))]
    try:
        matrix = FeatureStore(lake).matrix()
    except DataError:  # never computed
        return {name: table for name, table in rows.items() if table}
    rows["features"] = [row for row in matrix.to_pylist() if row["session_id"] in data.sessions]
    return {name: table for name, table in rows.items() if table}


def _file_lines(settings: Settings, data: PersonalData) -> dict[str, list[str]]:
    found = {
        str(path.relative_to(settings.workspace)): lines_about(path, data)
        for path in workspace_files(settings)
    }
    return {name: lines for name, lines in found.items() if lines}


def _messages(settings: Settings, data: PersonalData) -> dict[str, list[str]]:
    folders = [settings.paths.decisions]
    if settings.paths.inbox.is_dir():
        folders += [path for path in settings.paths.inbox.iterdir() if path.is_dir()]
    found: dict[str, list[str]] = {}
    for folder in folders:
        records = [
            record.value.decode(errors="replace")
            for path in list_segments(folder)
            for record in read_records(path.read_bytes(), 0)
            if data.is_in(record.value)
        ]
        if records:
            found[folder.name] = records
    return found
