"""Rules as text: what is written is what is meant."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_core.core.errors import InputError
from phantom_core.rules.condition import Condition
from phantom_core.rules.rule_set import Rule, RuleSet
from phantom_core.rules.text import format_rules, parse_rules

RECONNAISSANCE = """\
IF interaction_velocity > 10 AND cart_to_view_ratio < 0.1 THEN markup 1.30 (likely a bot)
ELIF p_agent >= 0.4 OR UNDEFINED AND browser_family = 'Chrome' THEN markup 1.10
ELIF std_price_seen IS UNDEFINED THEN markup 1.05
ELSE markup 1.00
"""

printable = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" ")).filter(
    lambda text: text.isprintable()
)
names = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
numbers = st.floats(allow_nan=False, allow_infinity=False)
conditions = st.one_of(
    st.builds(
        Condition, names, st.sampled_from([">", ">=", "<", "<=", "=", "!="]), numbers, st.booleans()
    ),
    st.builds(Condition, names, st.sampled_from(["=", "!="]), printable, st.booleans()),
    st.builds(lambda name: Condition(name, "IS UNDEFINED", when_undefined=True), names),
)
markups = st.floats(0.01, 10.0)
notes = printable.map(str.strip)
rules = st.builds(Rule, st.lists(conditions, min_size=1, max_size=4).map(tuple), markups, notes)
declared = st.lists(names, unique=True, max_size=3)


@st.composite
def rule_sets(draw: st.DrawFn) -> RuleSet:
    """Rule sets with names, notes and declarations."""
    found, titles, ways = (
        draw(st.lists(rules, max_size=5)),
        draw(st.lists(names, unique=True, min_size=5, max_size=5)),
        draw(declared),
    )
    named = tuple(
        replace(rule, name=title if draw(st.booleans()) else "")
        for rule, title in zip(found, titles, strict=False)
    )
    return RuleSet("any", named, draw(markups), draw(notes), tuple(ways[:1]), tuple(ways[1:]))


def test_text_becomes_conditions_in_order() -> None:
    found = parse_rules(RECONNAISSANCE, "demo")
    fast, few = (
        Condition("interaction_velocity", ">", 10.0),
        Condition("cart_to_view_ratio", "<", 0.1),
    )
    assert found.rules[0] == Rule((fast, few), 1.3, "likely a bot")
    assert found.rules[1].conditions == (
        Condition("p_agent", ">=", 0.4, True),
        Condition("browser_family", "=", "Chrome"),
    )
    assert found.rules[2].conditions == (
        Condition("std_price_seen", "IS UNDEFINED", when_undefined=True),
    )
    assert found.otherwise == 1.0
    assert found.features == (
        "interaction_velocity",
        "cart_to_view_ratio",
        "p_agent",
        "browser_family",
        "std_price_seen",
    )


def test_well_written_text_comes_back_letter_by_letter() -> None:
    assert format_rules(parse_rules(RECONNAISSANCE, "demo")) == RECONNAISSANCE


@given(rule_sets())
def test_any_rule_set_survives_its_text(rule_set: RuleSet) -> None:
    assert parse_rules(format_rules(rule_set), "any") == rule_set


def test_comments_empty_lines_and_the_case_of_keywords_do_not_matter() -> None:
    assert parse_rules(
        "# bands\n\nif p_agent>0.7 then Markup 1.3\n  else markup 1\n", "x"
    ).rules == (Rule((Condition("p_agent", ">", 0.7),), 1.3),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: found the end, expected ELSE markup 1.00"),
        ("IF p_agent > 0.7 THEN markup 1.3", "line 2: found the end, expected ELSE markup 1.00"),
        ("ELIF p_agent > 0.7 THEN markup 1.3", "line 1: found ELIF, expected IF or ELSE"),
        (
            "IF p_agent THEN markup 1.3",
            "line 1: found THEN, expected >, >=, <, <=, =, != or IS UNDEFINED",
        ),
        (
            "IF p_agent > high THEN markup 1.3",
            "line 1: found high, expected a number, or a category in single quotes",
        ),
        ("IF p_agent > 0.7 markup 1.3", "line 1: found markup, expected AND or THEN"),
        ("IF p_agent > 0.7 OR x > 1 THEN markup 1.3", "line 1: found OR, expected AND or THEN"),
        ("IF > 0.7 THEN markup 1.3", "line 1: found >, expected the name of a feature"),
        ("\nELSE markup much", "line 2: found much, expected a price ratio such as 1.30"),
        (
            "ELSE markup 1.0 likely",
            "line 1: found likely, expected a note in parentheses, or the end of the line",
        ),
        (
            "ELSE markup 1.0\nELSE markup 1.0",
            "line 2: found ELSE, expected EXPECT, or nothing after the ELSE line",
        ),
        ("MARKUP RISES p_agent\nELSE markup 1", "line 1: found p_agent, expected WITH"),
        (
            "IF a > 1 THEN markup 1.3 AS 7\nELSE markup 1",
            "line 1: found 7, expected the name of the rule",
        ),
        (
            "ELSE markup 1 AS x",
            "line 1: found AS, expected a note in parentheses, or the end of the line",
        ),
        ("ELSE markup 0", "line 1: A mark-up of 0.0 is not a price ratio"),
        (
            "IF a > 1 THEN markup 99\nELSE markup 1",
            "line 1: A mark-up of 99.0 is not a price ratio",
        ),
        (
            "IF browser_family > 'Chrome' THEN markup 1.3",
            "line 1: browser_family > 'Chrome': categories have no order",
        ),
        (
            "IF p_agent > 1e999 THEN markup 1.3",
            "line 1: p_agent > inf: a threshold must be a finite number",
        ),
    ],
)
def test_an_unreadable_text_is_reported_with_line_and_expectation(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_rules(text, "demo")
    assert said in caught.value.message
    assert caught.value.message.startswith("Rules demo, line")


@pytest.mark.parametrize(
    ("feature", "operator", "threshold", "when_undefined"),
    [
        ("Velocity", ">", 1.0, False),
        ("a", "~", 1.0, False),
        ("a", ">", None, False),
        ("a", "IS UNDEFINED", None, False),
        ("a", "=", "\n", False),
    ],
)
def test_a_condition_that_means_nothing_is_refused(
    feature: str, operator: str, threshold: float | str | None, when_undefined: bool
) -> None:
    with pytest.raises(InputError):
        Condition(feature, operator, threshold, when_undefined)  # type: ignore[arg-type]


def test_names_and_declarations_are_part_of_the_text() -> None:
    text = (
        "MARKUP RISES WITH p_agent\nMARKUP FALLS WITH page_views\nIF p_agent > 0.7 THEN markup "
        "1.30 AS sure (very)\nELSE markup 1.00\n"
    )
    found = parse_rules(text, "x")
    assert (found.rises_with, found.falls_with) == (("p_agent",), ("page_views",))
    assert (found.title(0), found.title(-1), format_rules(found)) == ("sure", "ELSE", text)


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="Two rules of x are called 'same'"):
        parse_rules(
            "IF a > 1 THEN markup 2 AS same\nELIF a > 0 THEN markup 3 AS same\nELSE markup 1", "x"
        )


def test_a_rule_without_conditions_is_refused() -> None:
    with pytest.raises(InputError, match="would always apply"):
        Rule((), 1.3)
