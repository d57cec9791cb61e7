"""Personal data: whose data a request is about, and the ids under which it is stored."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import InputError
from phantom_core.lake.lake import Lake

PersonKind = Literal["session", "subject", "account"]
_TABLES: Final = ("events", "quotes", "decisions")
_SHORTEST_WORD: Final = 6


@dataclass(frozen=True)
class PersonalData:
    """The ids of one session, experiment subject or account.

    Attributes:
        kind: of the request.
        name: as requested.
        sessions: ids of sessions.
        experiments: ids of experiments, whose rows are about this subject.
    """

    kind: PersonKind
    name: str
    sessions: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id to look for outside tables with a column for it."""
        subject = (self.name,) if self.kind == "subject" else ()
        return (*self.sessions, *self.experiments, *subject)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Ids that are long enough to be recognised in any text."""
        return tuple(one for one in self.ids if len(one) >= _SHORTEST_WORD)

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        """Finds these words in bytes, not inside longer ones."""
        parts = b"|".join(re.escape(one.encode()) for one in sorted(self.words, key=len)[::-1])
        return re.compile(rb"(?<![\w-])(?:" + parts + rb")(?![\w-])" if parts else rb"(?!)")

    def is_in(self, content: bytes | str) -> bool:
        """Whether some content holds one of the words."""
        return bool(self.pattern.search(content.encode() if isinstance(content, str) else content))

    def is_one(self, value: object) -> bool:
        """Whether a value is one of the ids, or a text with one of the words."""
        return isinstance(value, str) and (value in self._known or self.is_in(value))

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.ids)


@requires(Permission.PRIVACY)
def find_personal_data(lake: Lake, kind: PersonKind, name: str) -> PersonalData:
    """The ids of a session, subject or account; they need not have any data.

    Args:
        lake: where a subject's experiments and their sessions are.
        kind: what the name is of.
        name: session id, subject name or login.
    Raises:
        InputError: an empty name.
    """
    if not name.strip():
        raise InputError(f"The {kind} is missing.", hint="Name it as it is stored.")
    if kind == "session":
        return PersonalData(kind, name, sessions=(name,))
    if kind == "account":
        return PersonalData(kind, name)
    with lake.connect((*_TABLES, "experiments")) as connection:
        found = connection.execute(
            "SELECT experiment_id FROM experiments WHERE subject_name = ? ORDER BY 1", [name]
        ).fetchall()
        experiments = tuple(row[0] for row in found)
        union = " UNION ".join(
            f"SELECT session_id FROM {table} WHERE experiment_id IN (SELECT unnest(?::VARCHAR[]))"
            for table in _TABLES
        )
        rows = connection.execute(union, [list(experiments)] * len(_TABLES)).fetchall()
    sessions = tuple(sorted(row[0] for row in rows if row[0] is not None))
    return PersonalData(kind, name, sessions, experiments)


@needs_no_permission
def sql_list(names: Iterable[str]) -> str:
    """Names as an SQL list.

    >>> sql_list(["a", "b'c"])
    "('a', 'b''c')"
    """
    return "(" + ", ".join("'" + name.replace("'", "''") + "'" for name in names) + ")"
