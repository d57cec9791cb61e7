"""Check: all checks of a rule set that need no session."""

from collections.abc import Mapping, Sequence
from typing import Final

from phantom_core.core.errors import InputError
from phantom_core.rules.checks.finding import SEVERITIES, Finding
from phantom_core.rules.checks.limits import RuleLimits
from phantom_core.rules.checks.prepared import Prepared
from phantom_core.rules.checks.rule_check import CHECKS, RuleCheck
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.space import Undecided

MOST_CHECKED: Final = 400


def check_rules(rules: RuleSet, limits: RuleLimits) -> tuple[Finding, ...]:
    """Run all checks; nothing is assumed of features beyond their ranges.

    Args:
        rules: what to check.
        limits: known features, banned ones, guard rails.
    Raises:
        InputError: more than MOST_CHECKED rules.
    Returns:
        Errors first, then warnings, then notes; within them in the order of the checks.
    """
    if len(rules.rules) > MOST_CHECKED:
        raise InputError(
            f"{rules.name} has {len(rules.rules):,} rules; at most {MOST_CHECKED} can be checked.",
            hint="Merge rules with the same mark-up, or distil a smaller tree.",
        )
    prepared = Prepared.of(rules, limits)
    found = [finding for check in CHECKS.all() for finding in _decided(check, prepared)]
    return tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))


def count_findings(findings: Sequence[Finding]) -> Mapping[str, int]:
    """How many findings there are of each severity."""
    return {
        severity: sum(finding.severity == severity for finding in findings)
        for severity in SEVERITIES
    }


def _decided(check: RuleCheck, prepared: Prepared) -> list[Finding]:
    try:
        return list(check.find(prepared))
    except Undecided as error:
        says = f"The check '{check.name}' cannot be decided: {error.message}"
        return [Finding("undecided", "warning", (), says, "Use fewer conditions.")]
