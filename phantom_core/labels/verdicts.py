"""Verdicts: what a person says a session is; added, never changed, each with an audit entry.

A person's newest verdict on a session counts. A session has a label where everyone who gave one
agrees; where two people contradict each other it is disputed, and has none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import sqlalchemy as sa

from phantom_core.accounts.people import require_permission
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.tables import may_sql
from phantom_core.core.errors import InputError
from phantom_core.database import audit
from phantom_core.database.connection import METADATA
from phantom_core.database.constraints import forbid_change, frozen, keep_rows

Verdict = Literal["agent", "human", "skip"]
How = Literal["desk", "audit", "command line"]
VERDICTS: Final[tuple[Verdict, ...]] = ("agent", "human", "skip")
MAX_REASON: Final = 400
ERASED: Final = "erased"

SESSION_VERDICTS: Final = sa.Table(
    "session_verdicts",
    METADATA,
    sa.Column("verdict_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("session_id", sa.String(512), nullable=False, index=True),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("verdict", sa.String(8), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("how", sa.String(16), nullable=False),
    sa.Column("model_version", sa.String(64), nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)
keep_rows(SESSION_VERDICTS)
frozen(SESSION_VERDICTS, "who", "verdict", "how", "model_version", "at_ms")
forbid_change(
    SESSION_VERDICTS,
    "session_verdicts_erasure",
    "UPDATE",
    "(OLD.session_id <> NEW.session_id OR OLD.reason <> NEW.reason)"
    f" AND NEW.session_id NOT LIKE '%{ERASED}%' AND NEW.reason NOT LIKE '%{ERASED}%'",
    "a verdict only changes where its session is erased",
)
forbid_change(
    SESSION_VERDICTS,
    "session_verdicts_who",
    "INSERT",
    f"NEW.verdict NOT IN ('agent', 'human', 'skip') OR NOT {may_sql('NEW.who', Permission.WORK)}",
    "this account may not label sessions",
)


@dataclass(frozen=True, slots=True)
class GivenVerdict:
    """What one person said of one session.

    Attributes:
        verdict_id: 1, 2, 3, …
        session_id: of the session; "erased" once it was.
        who: login of the person.
        verdict: agent, human, or skip: cannot tell.
        reason: in words; may be empty.
        how: at the desk, in the label audit, or by the command line.
        model_version: of the classifier whose score was shown; empty without one.
        at_ms: when, UTC milliseconds.
    """

    verdict_id: int
    session_id: str
    who: str
    verdict: Verdict
    reason: str
    how: How
    model_version: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Consensus:
    """What people together say of a session.

    Attributes:
        session_id: of the session.
        is_agent: the label; None where it is disputed.
        n_people: who gave a label.
    """

    session_id: str
    is_agent: bool | None
    n_people: int


def add_verdict(
    connection: sa.Connection,
    who: str,
    session_id: str,
    verdict: Verdict,
    *,
    reason: str,
    how: How,
    model_version: str,
    now_ms: int,
) -> GivenVerdict:
    """Record a verdict, with an entry in the audit chain that does not name the session.

    Args:
        connection: of `write_transaction`.
        who: login of the person.
        session_id: of a session.
        verdict: agent, human or skip.
        reason: in words.
        how: where it was given.
        model_version: of the classifier whose score was shown.
        now_ms: UTC milliseconds.
    Raises:
        InputError: there is no such verdict, or the reason is too long.
        NotAllowedError: the account may not work with data.
    """
    require_permission(connection, who, Permission.WORK)
    if verdict not in VERDICTS:
        raise InputError(f"'{verdict}' is no label.", hint=f"Use {', '.join(VERDICTS)}.")
    if len(reason) > MAX_REASON:
        raise InputError(
            f"The reason has {len(reason)} characters.", hint=f"Use at most {MAX_REASON}."
        )
    newest = connection.execute(sa.select(sa.func.max(SESSION_VERDICTS.c.verdict_id))).scalar()
    given = GivenVerdict(
        (newest or 0) + 1, session_id, who, verdict, reason, how, model_version, now_ms
    )
    values = {column.name: getattr(given, column.name) for column in SESSION_VERDICTS.columns}
    connection.execute(SESSION_VERDICTS.insert().values(values))
    details = {
        "session": audit.fingerprint(session_id),
        "verdict": verdict,
        "reason": audit.fingerprint(reason),
        "how": how,
        "model": model_version,
    }
    audit.append_entry(connection, now_ms, who, "label.given", f"label {given.verdict_id}", details)
    return given


def list_verdicts(connection: sa.Connection) -> list[GivenVerdict]:
    """All verdicts in order, erased sessions included."""
    rows = connection.execute(SESSION_VERDICTS.select().order_by(SESSION_VERDICTS.c.verdict_id))
    return [GivenVerdict(*row) for row in rows]


def current_verdicts(given: Iterable[GivenVerdict]) -> Mapping[tuple[str, str], GivenVerdict]:
    """The newest verdict of each session and person, without erased sessions.

    Args:
        given: in order.
    """
    return {(one.session_id, one.who): one for one in given if one.session_id != ERASED}


def find_consensus(given: Iterable[GivenVerdict]) -> dict[str, Consensus]:
    """What people together say, by session; skipped ones are left out.

    Args:
        given: in order.
    """
    said: dict[str, list[bool]] = {}
    for (session_id, _), one in current_verdicts(given).items():
        if one.verdict != "skip":
            said.setdefault(session_id, []).append(one.verdict == "agent")
    return {
        session_id: Consensus(session_id, labels[0] if len(set(labels)) == 1 else None, len(labels))
        for session_id, labels in said.items()
    }
