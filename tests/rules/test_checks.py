"""Checks: for each kind of finding, rules that have it and rules that do not."""

import pytest

from phantom_core.core.limits import GuardRails
from phantom_core.features.catalogue import CATEGORIES
from phantom_core.features.domains import session_domains
from phantom_core.rules import space
from phantom_core.rules.checks.check import check_rules, count_findings
from phantom_core.rules.checks.finding import Finding
from phantom_core.rules.checks.limits import RuleLimits
from phantom_core.rules.checks.rule_check import CHECKS
from phantom_core.rules.domain import Domain
from phantom_core.rules.text import parse_rules

LIMITS = RuleLimits(
    {
        **session_domains(),
        "interaction_velocity": Domain(
            "number", 0.0, None, True, unit="events/min", seen=(0.5, 80.0)
        ),
        "browser_family": Domain(
            "category",
            None,
            None,
            True,
            CATEGORIES["browser_family"],
            seen_categories=("Chrome", "Safari"),
        ),
    },
    GuardRails(0.7, 1.5),
    banned=("session_start_hour",),
)
BANDS = "IF p_agent > 0.7 THEN markup 1.3\nELIF p_agent > 0.4 THEN markup 1.1\nELSE markup 1"

CASES = {
    "unknown feature": (
        "IF cart_additions > 1 THEN markup 1.1\nELSE markup 1",
        "IF cart_adds > 1 THEN markup 1.1\nELSE markup 1",
    ),
    "banned feature": (
        "IF session_start_hour > 20 THEN markup 1.1\nELSE markup 1",
        "IF page_views > 20 THEN markup 1.1\nELSE markup 1",
    ),
    "wrong kind": (
        "IF browser_family = 1 THEN markup 1.1\nELSE markup 1",
        "IF browser_family = 'Chrome' THEN markup 1.1\nELSE markup 1",
    ),
    "out of guard rails": (
        "IF p_agent > 0.7 THEN markup 1.6\nELSE markup 1",
        "IF p_agent > 0.7 THEN markup 1.5\nELSE markup 0.7",
    ),
    "unreachable": (
        # no whole number lies between
        "IF cart_adds > 3 AND cart_adds < 4 THEN markup 1.1\nELSE markup 1",
        "IF cart_adds > 3 AND cart_adds < 5 THEN markup 1.1\nELSE markup 1",
    ),
    "shadowed": (
        "IF p_agent > 0.4 THEN markup 1.1\nELIF p_agent > 0.7 THEN markup 1.3\nELSE markup 1",
        BANDS,
    ),
    "always true": (
        "IF p_agent >= 0 OR UNDEFINED THEN markup 1.1\nELSE markup 1",
        "IF p_agent >= 0 THEN markup 1.1\nELSE markup 1",  # not where it is undefined
    ),
    "redundant condition": (
        "IF p_agent > 0.7 THEN markup 1.3\nELIF p_agent > 0.4 AND p_agent <= 0.7 THEN markup "
        "1.1\nELSE markup 1",
        "IF p_agent > 0.7 THEN markup 1.3\nELIF p_agent > 0.4 AND cart_adds <= 3 THEN markup "
        "1.1\nELSE markup 1",
    ),
    "overlap": (
        "IF p_agent > 0.7 THEN markup 1.3\nELIF cart_adds > 2 THEN markup 1.1\nELSE markup 1",
        BANDS,  # the upper band is a special case of the lower one
    ),
    "gap": (
        # exactly 0.7
        "IF p_agent > 0.7 THEN markup 1.3\nELIF p_agent < 0.7 THEN markup 1.1\nELSE markup 1",
        "IF p_agent > 0.7 THEN markup 1.3\nELIF p_agent <= 0.7 OR UNDEFINED THEN markup 1.1\nELSE "
        "markup 1",
    ),
    "not monotone": (
        "MARKUP RISES WITH p_agent\nIF p_agent > 0.7 THEN markup 1.1\nELIF p_agent > 0.4 THEN "
        "markup 1.3\nELSE markup 1",
        "MARKUP RISES WITH p_agent\n" + BANDS,
    ),
    "failed test": (
        BANDS + "\nEXPECT markup 1.3 GIVEN p_agent = 0.6",
        BANDS + "\nEXPECT markup 1.1 GIVEN p_agent = 0.6",
    ),
    "untested": (BANDS + "\nEXPECT markup 1.1 GIVEN p_agent = 0.6", BANDS),
    "outside the data": (
        "IF interaction_velocity > 90 THEN markup 1.1\nELSE markup 1",
        "IF interaction_velocity > 60 THEN markup 1.1\nELSE markup 1",
    ),
}


def findings(text: str) -> tuple[Finding, ...]:
    return check_rules(parse_rules(text, "demo"), LIMITS)


def only(text: str, kind: str) -> Finding:
    [found] = [finding for finding in findings(text) if finding.kind == kind]
    return found


@pytest.mark.parametrize("kind", CASES)
def test_a_finding_names_the_rules_and_a_fix(
    kind: str,
) -> None:
    found = only(CASES[kind][0], kind)
    assert found.rules and found.says.endswith(".") and found.fix


@pytest.mark.parametrize("kind", CASES)
def test_rules_that_do_not_have_it_are_left_alone(kind: str) -> None:
    assert kind not in [finding.kind for finding in findings(CASES[kind][1])]


def test_every_kind_has_its_case() -> None:
    assert set(CASES) == set(CHECKS.names())


def test_the_fix_of_a_wrong_kind_names_what_can_be_compared() -> None:
    asked = only("IF browser_family = 1 THEN markup 1.1\nELSE markup 1", "wrong kind")
    assert "browser_family is a category" in asked.says and "Chrome" in asked.fix
    asked = only("IF cart_adds = 'many' THEN markup 1.1\nELSE markup 1", "wrong kind")
    assert "cart_adds is a number" in asked.says and asked.fix == "Compare it with a number."


def test_a_mark_up_beyond_a_guard_rail_is_reported_with_the_guard_rails() -> None:
    found = [
        one
        for one in findings("IF p_agent > 0.7 THEN markup 1.6\nELSE markup 0.6")
        if one.kind == "out of guard rails"
    ]
    assert [one.says for one in found] == [
        "rule 1 has a mark-up of ×1.6, above the guard rails ×0.70 to ×1.50.",
        "ELSE has a mark-up of ×0.6, below the guard rails ×0.70 to ×1.50.",
    ]
    assert [one.fix.split(",")[0] for one in found] == ["Write 1.50", "Write 0.70"]


def test_a_check_that_takes_too_long_is_reported_as_undecided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(space, "MOST_PIECES", 1)
    text = (
        "IF p_agent > 0.5 THEN markup 1.2\nELIF p_agent <= 0.6 THEN markup 1.1\nELIF p_agent "
        ">= 0.2 THEN markup 1\nELSE markup 1"
    )
    undecided = [finding for finding in findings(text) if finding.kind == "undecided"]
    expected = "The check 'shadowed' cannot be decided: 1 rules overlap in more than 1 pieces."
    assert expected in [one.says for one in undecided]
    assert {(one.severity, one.rules, one.fix) for one in undecided} == {
        ("warning", (), "Use fewer conditions.")
    }


def test_bands_have_no_findings() -> None:
    assert findings(BANDS) == ()


def test_errors_come_first() -> None:
    found = findings(
        "IF p_agent > 0.7 THEN markup 1.6\nELIF p_agent < 0.7 AND p_agent < 0.8 THEN markup "
        "1.1\nELSE markup 1"
    )
    assert [finding.severity for finding in found] == ["error", "warning", "note"]
    assert count_findings(found) == {"error": 1, "warning": 1, "note": 1}


def test_rules_that_cross_are_reported_once_for_the_lower_one() -> None:
    text = (
        "IF p_agent > 0.7 THEN markup 1.3\nELIF cart_adds > 5 THEN markup 1.2\nELIF page_views "
        "> 9 THEN markup 1.1\nELSE markup 1"
    )
    crossed = [finding for finding in findings(text) if finding.kind == "overlap"]
    assert [finding.rules for finding in crossed] == [
        ("rule 1", "rule 2"),
        ("rule 1", "rule 2", "rule 3"),
    ]
    assert crossed[0].says == (
        "rule 2 (×1.20) also holds where rule 1 (×1.30) above it decides, "
        "as for sessions with p_agent above 0.7 and up to 1; cart_adds from 6 on."
    )


def test_a_rule_that_several_above_it_cover_together_is_shadowed() -> None:
    text = (
        "IF p_agent > 0.5 THEN markup 1.2\nELIF p_agent <= 0.6 THEN markup 1.1\nELIF p_agent "
        ">= 0.2 THEN markup 1.0\nELSE markup 1"
    )
    found = only(text, "shadowed")
    assert found.rules == ("rule 3", "rule 1", "rule 2")
    assert (
        found.says
        == "rule 3 (×1.00) never decides: rule 1 (×1.20), rule 2 (×1.10) above it match all its "
        "sessions."
    )


def test_a_gap_says_where_it_lies() -> None:
    text = (
        "IF p_agent > 0.7 AND cart_adds = 0 THEN markup 1.3 AS sure\nELIF p_agent <= 0.4 THEN "
        "markup 0.9 AS human\nELSE markup 1"
    )
    found = only(text, "gap")
    assert found.rules == ("human", "sure", "ELSE")
    assert (
        "sessions with p_agent above 0.4 and up to 0.7; cart_adds exactly 0 fall to ELSE (×1.00)"
        in found.says
    )


def test_the_values_all_being_taken_undefined_alone_falls_to_else() -> None:
    found = only(
        "IF p_agent > 0.7 THEN markup 1.3\nELIF p_agent <= 0.7 THEN markup 1.1\nELSE markup 1",
        "gap",
    )
    assert (found.severity, found.rules) == ("note", ("ELSE",))
    assert "where it is undefined" in found.says


def test_monotony_is_about_what_rules_really_decide() -> None:
    # The cheap rule reaches up to 1, but the dear one above it takes everything beyond 0.7.
    rising = (
        "MARKUP RISES WITH p_agent\nIF p_agent > 0.7 THEN markup 1.3\nELIF p_agent >= 0 THEN "
        "markup 1.1\nELSE markup 1.5"
    )
    assert "not monotone" not in [finding.kind for finding in findings(rising)]


def test_a_falling_mark_up_is_held_to_falling() -> None:
    text = "MARKUP FALLS WITH page_views\nIF page_views > 5 THEN markup 1.2\nELSE markup 1"
    assert only(text, "not monotone").rules == ("ELSE", "rule 1")


def test_a_declaration_about_nothing_known_is_found() -> None:
    assert only(
        "MARKUP RISES WITH mood\nIF p_agent > 0.7 THEN markup 1.2\nELSE markup 1", "unknown feature"
    ).rules == ("ELSE",)


def test_alike_but_for_the_declared_feature_is_what_counts() -> None:
    # More p_agent comes with a lower price here, but never for sessions with the same number of
    # cart adds.
    text = (
        "MARKUP RISES WITH p_agent\nIF p_agent > 0.7 AND cart_adds = 0 THEN markup 1.1\nELIF "
        "cart_adds > 0 THEN markup 1.2\nELSE markup 1"
    )
    assert "not monotone" not in [finding.kind for finding in findings(text)]
