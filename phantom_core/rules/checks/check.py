"""Check: everything that can be said of a rule set without a session."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from phantom_core.rules.checks.bands import check_gaps, check_overlaps
from phantom_core.rules.checks.coverage import (
    always_true,
    check_redundant,
    check_shadowed,
    check_unreachable,
)
from phantom_core.rules.checks.features import (
    check_banned,
    check_unknown,
    outside_the_data,
    wrong_kind,
)
from phantom_core.rules.checks.finding import SEVERITIES, Finding
from phantom_core.rules.checks.guard_rails import out_of_guard_rails
from phantom_core.rules.checks.limits import RuleLimits
from phantom_core.rules.checks.monotone import not_monotone
from phantom_core.rules.checks.prepared import Prepared
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.space import Undecided

_CHECKS: Final[Sequence[Callable[[Prepared], Iterator[Finding]]]] = (
    check_unknown, check_banned, wrong_kind, out_of_guard_rails, check_unreachable, check_shadowed,
    always_true, not_monotone, check_gaps, check_overlaps, outside_the_data, check_redundant,
)  # fmt: skip


def check_rules(rules: RuleSet, limits: RuleLimits) -> tuple[Finding, ...]:
    """Look for everything that is wrong, doubtful or needless; nothing is assumed beyond the range
    of each feature.

    Args:
        rules: what to check.
        limits: known features, banned ones, guard rails.
    Returns:
        Errors first, then warnings, then notes; within them in the order of the checks.
    """
    prepared = Prepared.of(rules, limits)
    found = [finding for check in _CHECKS for finding in _decided(check, prepared)]
    return tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))


def count_findings(findings: Sequence[Finding]) -> Mapping[str, int]:
    """How many findings there are of each severity."""
    return {
        severity: sum(finding.severity == severity for finding in findings)
        for severity in SEVERITIES
    }


def _decided(check: Callable[[Prepared], Iterator[Finding]], prepared: Prepared) -> list[Finding]:
    try:
        return list(check(prepared))
    except Undecided as error:
        about = check.__name__.replace("_", " ")
        return [
            Finding(
                "undecided",
                "warning",
                (),
                f"Whether rules are {about} cannot be said: {error.message}",
                "Use fewer conditions.",
            )
        ]
