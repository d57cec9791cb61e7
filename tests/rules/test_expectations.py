"""Tests that a rule set carries: written in every form, run at every check, and a gate."""

import pytest

from phantom_core.core.errors import InputError
from phantom_core.core.limits import GuardRails
from phantom_core.features.domains import session_domains
from phantom_core.rules.checks.check import check_rules
from phantom_core.rules.checks.expectations import covered_rules
from phantom_core.rules.checks.finding import Finding
from phantom_core.rules.checks.limits import RuleLimits
from phantom_core.rules.expectation import Expectation
from phantom_core.rules.forms import FORMS, read_form, write_form
from phantom_core.rules.text import format_rules, parse_rules

TEXT = """IF p_agent > 0.7 THEN markup 1.30 AS sure
ELIF browser_family = 'Chrome' AND p_agent > 0.4 THEN markup 1.10
ELSE markup 1.00
EXPECT markup 1.30 GIVEN p_agent = 0.9 (a scraper)
EXPECT markup 1.10 GIVEN p_agent = 0.5, browser_family = 'Chrome'
EXPECT markup 1.00 GIVEN NOTHING (a first visit)
"""
RULES = parse_rules(TEXT, "bands")


def findings(text: str, kind: str) -> list[Finding]:
    limits = RuleLimits(session_domains(), GuardRails(0.7, 1.5))
    return [one for one in check_rules(parse_rules(text, "bands"), limits) if one.kind == kind]


def test_tests_are_read_and_written_as_text() -> None:
    assert format_rules(RULES) == TEXT
    assert RULES.tests[0] == Expectation(1.3, (("p_agent", 0.9),), "a scraper")


@pytest.mark.parametrize("form", FORMS)
def test_tests_come_back_from_every_form(form: str) -> None:
    written = write_form(RULES, next(one for one in FORMS if one == form))
    assert read_form(written, "bands") == RULES


def test_rules_that_hold_their_tests_have_no_finding() -> None:
    assert findings(TEXT, "failed test") == []
    assert findings(TEXT, "untested") == []
    assert covered_rules(RULES) == {0, 1, -1}


def test_a_rule_that_moved_fails_the_test_that_it_decided() -> None:
    (found,) = findings(TEXT.replace("> 0.7", "> 0.95"), "failed test")
    assert found.severity == "error"
    assert found.rules == ("ELSE",)
    assert found.says == "Test 1 expects ×1.30 given p_agent = 0.9, and ELSE decides ×1.00."


def test_rules_that_no_test_covers_are_named() -> None:
    fewer = "\n".join(TEXT.splitlines()[:4])
    (found,) = findings(fewer, "untested")
    assert found.severity == "note"
    assert found.says == ("1 tests cover 1 of 3 rules, ELSE included; none covers rule 2, ELSE.")
    assert findings("\n".join(TEXT.splitlines()[:3]), "untested") == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("EXPECT markup 1.3 GIVEN p_agents = 0.9", "gives p_agents, which is no feature"),
        ("EXPECT markup 1.3 GIVEN p_agent = 'high'", "cannot be run: 'p_agent' is a category"),
    ],
)
def test_a_test_that_cannot_be_run_fails(line: str, says: str) -> None:
    (found,) = findings(f"IF p_agent > 0.7 THEN markup 1.3\nELSE markup 1\n{line}", "failed test")
    assert says in found.says


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("EXPECT 1.3", "found 1.3, expected MARKUP"),
        ("EXPECT markup 1.3 GIVEN", "expected the name of a feature, or NOTHING"),
        ("EXPECT markup 1.3 GIVEN p_agent > 1", "expected = after the feature"),
        ("EXPECT markup 1.3 GIVEN p_agent = 1, p_agent = 2", "'p_agent' is given twice"),
        ("IF p_agent > 1 THEN markup 1", "expected EXPECT, or nothing after the ELSE line"),
    ],
)
def test_an_invalid_test_is_answered_with_its_line(line: str, says: str) -> None:
    with pytest.raises(InputError, match=f"line 2: .*{says}"):
        parse_rules(f"ELSE markup 1.00\n{line}", "bands")
