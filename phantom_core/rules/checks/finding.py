"""Finding: what a check has to say about a rule set, and how to mend it."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Severity = Literal["error", "warning", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at.

    Attributes:
        kind: name of the check that found it, or undecided.
        severity: an error must be mended, a warning looked at, a note can be left.
        rules: names or numbers of the rules it is about; ELSE for the last line.
        says: one sentence.
        mend: what to do about it.
    """

    kind: str
    severity: Severity
    rules: tuple[str, ...]
    says: str
    mend: str

    def to_json(self) -> dict[str, object]:
        """The finding as plain values."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "rules": list(self.rules),
            "says": self.says,
            "mend": self.mend,
        }
