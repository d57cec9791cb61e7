"""Expectations: sessions that do not get the mark-up they must, and rules that none covers."""

from collections.abc import Iterator

from phantom_core.core.errors import InputError
from phantom_core.rules.checks.finding import Finding
from phantom_core.rules.checks.prepared import Prepared
from phantom_core.rules.checks.rule_check import rule_check
from phantom_core.rules.decide import Decider
from phantom_core.rules.expectation import Expectation
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import format_given

_SAME: float = 1e-9


@rule_check(
    "failed test",
    order=85,
    severity="error",
    description="a session of an `EXPECT` line gets another mark-up than it must",
)
def check_expectations(prepared: Prepared) -> Iterator[Finding]:
    """Find sessions that get another mark-up than their EXPECT line says."""
    for number, test in enumerate(prepared.rules.tests, start=1):
        unknown = [name for name, _ in test.given if name not in prepared.limits.domains]
        if unknown:
            yield _finding(number, (), f"gives {unknown[0]}, which is no feature of a session")
            continue
        try:
            decided = decided_by(prepared.rules, test)
        except InputError as error:
            yield _finding(number, (), f"cannot be run: {error.message[:-1]}")
            continue
        found = prepared.rules.markup(decided)
        if abs(found - test.markup_ratio) > _SAME:
            title = prepared.title(decided)
            says = (
                f"expects ×{test.markup_ratio:.2f} given {format_given(test)}, and {title} decides "
                f"×{found:.2f}"
            )
            yield _finding(number, (title,), says)


@rule_check(
    "untested",
    order=130,
    severity="note",
    description="no session of the rule set's `EXPECT` lines is decided by it",
)
def check_coverage_by_tests(prepared: Prepared) -> Iterator[Finding]:
    """Find rules that no EXPECT line covers, where there are any such lines."""
    if not prepared.rules.tests:
        return
    covered = covered_rules(prepared.rules)
    missing = [
        prepared.title(position)
        for position in (*range(len(prepared.rules.rules)), -1)
        if position not in covered
    ]
    if missing:
        n = len(prepared.rules.rules) + 1
        says = (
            f"{len(prepared.rules.tests)} tests cover {n - len(missing)} of {n} rules, ELSE "
            f"included; none covers {', '.join(missing)}."
        )
        fix = "Write EXPECT markup 1.00 GIVEN … with a session that it decides."
        yield Finding("untested", "note", tuple(missing), says, fix)


def decided_by(rules: RuleSet, test: Expectation) -> int:
    """Position of the rule that decides the session of a test; -1 for ELSE.

    Raises:
        InputError: a number is given where a category is compared, or the other way round.
    """
    return Decider(rules).decide(test.session).rule


def covered_rules(rules: RuleSet) -> frozenset[int]:
    """Positions of the rules that decide some test; -1 for ELSE."""
    found = set()
    for test in rules.tests:
        try:
            found.add(decided_by(rules, test))
        except InputError:
            continue
    return frozenset(found)


def _finding(number: int, rules: tuple[str, ...], says: str) -> Finding:
    fix = "Correct the rules, or the test if the session is to pay that."
    return Finding("failed test", "error", rules, f"Test {number} {says}.", fix)
