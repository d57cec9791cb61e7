"""Rule check: its name, its severity, and the function that finds problems."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from phantom_core.core.registry import Registry
from phantom_core.rules.checks.finding import Finding
from phantom_core.rules.checks.prepared import Prepared

Find = Callable[[Prepared], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class RuleCheck:
    """A check of rule sets.

    Attributes:
        name: kind of its findings.
        order: of the checks, lowest first.
        severity: of its findings, as documents say it.
        description: what it finds, for documents.
        find: looks for it.
    """

    name: str
    order: int
    severity: str
    description: str
    find: Find


CHECKS: Final[Registry[RuleCheck]] = Registry("rule check", "phantom_core.rules.checks")


def rule_check(name: str, *, order: int, severity: str, description: str) -> Callable[[Find], Find]:
    """Register a function as a check; see RuleCheck."""

    def register(find: Find) -> Find:
        CHECKS.register(RuleCheck(name, order, severity, description, find))
        return find

    return register
