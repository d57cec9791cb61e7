"""Finding: a problem of a rule set that a check found, and how to fix it."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Severity = Literal["error", "warning", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem.

    Attributes:
        kind: name of the check that found it, or undecided.
        severity: an error must be fixed, a warning needs an answer, a note is optional.
        rules: names or numbers of the rules it is about; ELSE for the last line.
        says: what was found, one sentence.
        fix: what to do about it; `mend` in JSON.
    """

    kind: str
    severity: Severity
    rules: tuple[str, ...]
    says: str
    fix: str

    def to_json(self) -> dict[str, object]:
        """The finding as plain values."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "rules": list(self.rules),
            "says": self.says,
            "mend": self.fix,
        }
