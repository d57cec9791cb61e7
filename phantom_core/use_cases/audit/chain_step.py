"""Chain step: an entry of the audit chain with its details as values."""

import json
from dataclasses import dataclass
from typing import Any

from phantom_core.accounts.permissions import needs_no_permission
from phantom_core.database.audit import AuditEntry


@dataclass(frozen=True, slots=True)
class Step:
    """An entry with its details as values."""

    entry: AuditEntry
    details: dict[str, Any]

    @property
    def at_ms(self) -> int:
        """The clock when it was written; an entry whose clock was behind has a later time."""
        clock_ms = self.details.get("clock_ms", self.entry.at_ms)
        return int(clock_ms)

    @property
    def number(self) -> int:
        """Number of the request that it is about; 0 where it is about something else."""
        word, _, number = self.entry.about.partition(" ")
        return int(number) if word == "request" and number.isdecimal() else 0

    @property
    def subject(self) -> str:
        """Name of the person or experiment that it is about."""
        return self.entry.about.partition(" ")[2]


@needs_no_permission
def read_step(entry: AuditEntry) -> Step:
    """An entry as a step; one whose details cannot be read has none."""
    return Step(entry, _details(entry))


def _details(entry: AuditEntry) -> dict[str, Any]:
    try:
        found = json.loads(entry.details)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
