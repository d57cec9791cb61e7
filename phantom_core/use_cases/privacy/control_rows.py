"""Rows of the control database that name a session, a subject or an account."""

from typing import Any, Final

import sqlalchemy as sa

from phantom_core.accounts.people import PEOPLE, name_fingerprint
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission, Role
from phantom_core.accounts.sign_in import SIGN_INS
from phantom_core.alerts.alerts import ALERTS
from phantom_core.alerts.watch_log import WATCH
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.errors import ConflictError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import METADATA, write_transaction
from phantom_core.database.upgrade import import_tables
from phantom_core.jobs.jobs import ACTIVE, JOBS
from phantom_core.labels.verdicts import SESSION_VERDICTS
from phantom_core.use_cases.privacy.personal_data import PersonalData

# Texts that may name a session, in tables whose rows may be changed.
_TEXTS: Final = {
    JOBS: ("arguments", "result", "message", "progress"),
    ALERTS: ("sentence",),
    WATCH: ("told",),
    SESSION_VERDICTS: ("session_id", "reason"),
}
_SECRETS: Final = ("password", "token_hash")
ERASED_NAME: Final = "erased account"


@requires(Permission.PRIVACY)
def erase_texts(settings: Settings, data: PersonalData) -> dict[str, int]:
    """Replace the ids in texts of jobs, alerts and watchers.

    Returns:
        Changed rows by table.
    """
    found = dict.fromkeys((table.name for table in _TEXTS), 0)
    with write_transaction(control_engine(settings)) as connection:
        for table, names in _TEXTS.items():
            for row in connection.execute(table.select()).mappings().all():
                changed = {
                    name: data.pattern.sub(b"erased", row[name].encode()).decode()
                    for name in names
                    if row[name] and data.is_in(row[name])
                }
                if changed:
                    key = sa.and_(*(column == row[column.name] for column in table.primary_key))
                    connection.execute(table.update().where(key).values(changed))
                    found[table.name] += 1
    return found


@requires(Permission.PRIVACY)
def erase_account(settings: Settings, login: str, who: str, *, now_ms: int) -> dict[str, int]:
    """Switch an account off, and remove its name, password and sign-ins.

    Its login stays as the author of what it decided.

    Returns:
        Changed rows by table.
    Raises:
        NotFoundError: no such account.
        ConflictError: the last administrator.
    """
    with write_transaction(control_engine(settings)) as connection:
        row = connection.execute(PEOPLE.select().where(PEOPLE.c.login == login)).mappings().first()
        if row is None:
            raise NotFoundError(f"There is no account '{login}'.")
        others = connection.execute(
            sa.select(sa.func.count())
            .select_from(PEOPLE)
            .where(
                PEOPLE.c.role == Role.ADMINISTRATOR.value,
                PEOPLE.c.is_active,
                PEOPLE.c.login != login,
            )
        ).scalar()
        if row["role"] == Role.ADMINISTRATOR.value and not others:
            raise ConflictError("This is the last administrator.", hint="Add another one first.")
        values = {"name": ERASED_NAME, "password": "", "is_active": False, "failed": 0}
        connection.execute(PEOPLE.update().where(PEOPLE.c.login == login).values(values))
        n_sign_ins = connection.execute(SIGN_INS.delete().where(SIGN_INS.c.login == login)).rowcount
        n_jobs = connection.execute(
            JOBS.update().where(JOBS.c.who == login, JOBS.c.state.not_in(ACTIVE)).values(who="")
        ).rowcount
        details = {
            "role": row["role"],
            "is_active": False,
            "password": audit.fingerprint(""),
            "name": name_fingerprint(login, ERASED_NAME),
            "erased": True,
        }
        audit.append_entry(connection, now_ms, who, "person.changed", f"person {login}", details)
    return {"people": 1, "sign_ins": n_sign_ins, "jobs": n_jobs}


@requires(Permission.PRIVACY)
def rows_about(settings: Settings, data: PersonalData) -> dict[str, list[dict[str, Any]]]:
    """Rows of every table in which a text is, or holds, what is looked for; without secrets."""
    import_tables()
    found: dict[str, list[dict[str, Any]]] = {}
    with control_engine(settings).connect() as connection:
        for table in METADATA.sorted_tables:
            texts = [one.name for one in table.columns if isinstance(one.type, sa.String)]
            rows = [
                {name: value for name, value in row.items() if name not in _SECRETS}
                for row in connection.execute(table.select()).mappings()
                if any(_is_meant(row[name], data) for name in texts if name not in _SECRETS)
            ]
            if rows:
                found[table.name] = rows
    return found


@requires(Permission.WORK)
def compact_database(settings: Settings) -> None:
    """Rewrite an SQLite database, so that no free page or log holds what was deleted."""
    engine = control_engine(settings)
    if engine.dialect.name != "sqlite":
        return
    raw = engine.raw_connection()
    try:
        raw.execute("VACUUM")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        raw.close()


def _is_meant(value: object, data: PersonalData) -> bool:
    if not isinstance(value, str):
        return False
    if data.kind == "account":
        return value in (data.name, f"person {data.name}")
    return data.is_one(value)
