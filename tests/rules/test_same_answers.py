"""A rule set gives every session the same answer in all its forms: text, JSON, JDM, simplified."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_core.core.errors import InputError
from phantom_core.rules.condition import Condition
from phantom_core.rules.document import from_json, write_document
from phantom_core.rules.evaluate import evaluate_rules
from phantom_core.rules.jdm import from_jdm, to_jdm, write_jdm
from phantom_core.rules.rule_set import Rule, RuleSet
from phantom_core.rules.simplify import simplify_rules
from phantom_core.rules.text import format_rules, parse_rules
from phantom_core.rules.zen import ZenRules
from tests.examples import examples
from tests.rules import test_text
from tests.rules.strategies import random_sessions, row, rule_sets

pytestmark = pytest.mark.slow

N_SESSIONS = 10_000


@given(test_text.rule_sets())
def test_any_rule_set_survives_json_and_jdm(rules: RuleSet) -> None:
    assert from_json(json.loads(write_document(rules))) == rules
    assert from_jdm(json.loads(write_jdm(rules))) == rules


@given(rule_sets, st.integers(0, 2**32))
@examples(40)
def test_a_zen_engine_answers_as_the_data_do(rules: RuleSet, seed: int) -> None:
    columns = random_sessions(250, np.random.default_rng(seed))
    decided, zen = evaluate_rules(rules, columns, 250), ZenRules(rules)
    for i in range(250):
        answer = zen.decide(row(columns, i))
        assert (answer.markup_ratio, answer.rule) == (
            decided.markup_ratio[i],
            rules.title(int(decided.rule[i])),
        )


def test_ten_thousand_sessions_get_one_answer_from_text_data_and_engine() -> None:
    text = (
        "IF interaction_velocity > 10 AND cart_adds < 0.1 THEN markup 1.30 (likely "
        "reconnaissance)\n"
        "ELIF std_price_seen IS UNDEFINED AND browser_family != 'Safari' OR UNDEFINED THEN markup "
        "1.05\n"
        "ELIF p_agent >= 0.6666666666666666 OR UNDEFINED THEN markup 1.2345678901234567\n"
        "ELIF interaction_velocity <= 2 OR UNDEFINED AND browser_family = 'Chrome' THEN markup "
        "0.95\nELSE markup 1.00\n"
    )
    rules = parse_rules(text, "demo")
    columns = random_sessions(N_SESSIONS, np.random.default_rng(20_261))
    undefined = np.array(
        [
            not {"nan", "None"}.isdisjoint(map(str, row(columns, i).values()))
            for i in range(N_SESSIONS)
        ]
    )
    assert 0.28 < undefined.mean() < 0.36
    expected = evaluate_rules(rules, columns, N_SESSIONS).markup_ratio
    forms = (
        parse_rules(format_rules(rules), "demo"),
        from_json(json.loads(write_document(rules))),
        from_jdm(to_jdm(rules)),
        simplify_rules(rules),
    )
    for form in forms:
        assert np.array_equal(evaluate_rules(form, columns, N_SESSIONS).markup_ratio, expected)
    zen = ZenRules(rules)
    assert [
        zen.decide(row(columns, i)).markup_ratio for i in range(N_SESSIONS)
    ] == expected.tolist()
    assert len(set(expected.tolist())) == 5


@given(rule_sets, st.integers(0, 2**32))
@examples(200)
def test_simpler_rules_answer_alike_and_are_not_longer(rules: RuleSet, seed: int) -> None:
    shorter = simplify_rules(rules)
    columns = random_sessions(2_000, np.random.default_rng(seed))
    assert np.array_equal(
        evaluate_rules(shorter, columns, 2_000).markup_ratio,
        evaluate_rules(rules, columns, 2_000).markup_ratio,
    )
    assert sum(len(rule.conditions) for rule in shorter.rules) <= sum(
        len(rule.conditions) for rule in rules.rules
    )
    assert simplify_rules(shorter) == shorter


def test_a_tree_loses_conditions_that_the_branches_above_imply() -> None:
    leaves = """IF a <= 5 OR UNDEFINED AND b <= 3 THEN markup 1.1
ELIF a <= 5 OR UNDEFINED AND b > 3 OR UNDEFINED THEN markup 1.2
ELIF a > 5 AND c <= 1 AND b <= 2 THEN markup 1.3 (one leaf)
ELIF a > 5 AND c <= 1 AND b > 2 OR UNDEFINED THEN markup 1.3 (its twin)
ELIF a > 5 AND c > 1 OR UNDEFINED THEN markup 1.4
ELSE markup 1.00
"""
    short = """IF a <= 5 OR UNDEFINED AND b <= 3 THEN markup 1.10
ELIF a <= 5 OR UNDEFINED THEN markup 1.20
ELIF c <= 1 THEN markup 1.30 (one leaf; its twin)
ELSE markup 1.40
"""
    assert format_rules(simplify_rules(parse_rules(leaves, "tree"))) == short


def test_two_bounds_of_one_side_become_one() -> None:
    rules = parse_rules("IF a > 1 AND a > 3 AND a <= 9 THEN markup 1.2\nELSE markup 1", "x")
    assert (
        format_rules(simplify_rules(rules))
        == "IF a > 3 AND a <= 9 THEN markup 1.20\nELSE markup 1.00\n"
    )


def test_all_but_one_value_becomes_one_condition() -> None:
    rules = parse_rules("IF a < 3 THEN markup 1.2\nELIF a > 3 THEN markup 1.2\nELSE markup 1", "x")
    assert format_rules(simplify_rules(rules)) == "IF a != 3 THEN markup 1.20\nELSE markup 1.00\n"


def test_a_hole_that_is_wider_than_one_value_stays_two_rules() -> None:
    rules = parse_rules("IF a < 3 THEN markup 1.2\nELIF a > 4 THEN markup 1.2\nELSE markup 1", "x")
    assert simplify_rules(rules) == rules


def test_undefined_is_never_forgotten() -> None:
    rules = parse_rules("IF a > 1 THEN markup 1.2\nELIF a <= 1 THEN markup 1.2\nELSE markup 1", "x")
    assert (
        simplify_rules(rules) == rules
    )  # together they hold for every number, but not where a is undefined


def drawn(
    table: dict[str, object], others: tuple[str, ...] = (), edges: tuple[str, ...] = ("it", "to")
) -> dict[str, object]:
    """A graph as an editor draws it; a node's id is the first letter of its name."""
    nodes = [
        {"id": "i", "type": "inputNode", "name": "Request"},
        {"id": "t", "type": "decisionTableNode", "name": "drawn", "content": table},
        {"id": "o", "type": "outputNode", "name": "Response"},
        *({"id": one[0].lower(), "type": "expressionNode", "name": one} for one in others),
    ]
    return {
        "nodes": nodes,
        "edges": [{"type": "edge", "sourceId": one[0], "targetId": one[1]} for one in edges],
    }


def test_a_table_drawn_in_an_editor_is_read_with_what_its_engine_does_with_null() -> None:
    columns = [{"id": "1", "field": "p_agent"}, {"id": "2", "field": "browser_family"}]
    rows = [
        {"_id": "a", "1": "> 0.7", "2": '"Chrome"', "m": "1.3"},
        {"_id": "b", "1": "", "2": "!= 'Edge'", "m": "1.1"},
        {"_id": "c", "m": "1"},
    ]
    table = {
        "hitPolicy": "first",
        "inputs": columns,
        "outputs": [{"id": "m", "field": "markup_ratio"}],
        "rules": rows,
    }
    assert from_jdm(drawn(table)).rules == (
        Rule((Condition("p_agent", ">", 0.7), Condition("browser_family", "=", "Chrome")), 1.3),
        Rule((Condition("browser_family", "!=", "Edge", when_undefined=True),), 1.1),
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hitPolicy": "collect"}, "the hit policy is 'collect', expected 'first'"),
        ({"outputs": []}, "no output column 'markup_ratio'"),
        (
            {"rules": [{"1": "sum(x)", "m": "1"}, {"m": "1"}]},
            r"row 1, p_agent: cannot read 'sum\(x\)'",
        ),
        (
            {"rules": [{"1": "> 1", "m": "dear"}, {"m": "1"}]},
            "row 1 has the mark-up 'dear', expected a number",
        ),
        ({"rules": [{"1": "> 1", "m": "1"}]}, "one row without conditions, the last one"),
    ],
)
def test_a_table_that_cannot_be_read_is_answered_with_row_and_column(
    change: dict[str, object], said: str
) -> None:
    table = {
        "hitPolicy": "first",
        "inputs": [{"id": "1", "field": "p_agent"}],
        "outputs": [{"id": "m", "field": "markup_ratio"}],
        "rules": [],
    }
    with pytest.raises(InputError, match=said):
        from_jdm(drawn(table | change))


BESIDES = "besides the table the graph has Scale (expressionNode), Half (expressionNode)"


@pytest.mark.parametrize(
    ("nodes", "edges", "table", "said"),
    [
        (("Scale", "Half"), ("is", "st", "th", "ho"), {}, BESIDES),
        ((), ("it",), {}, "its edges do not lead"),
        ((), ("io",), {}, "its edges do not lead"),
        ((), ("it", "to"), {"executionMode": "loop"}, "executionMode = 'loop'"),
        ((), ("it", "to"), {"inputField": "session"}, "inputField = 'session'"),
        ((), ("it", "to"), {"outputPath": "price"}, "outputPath = 'price'"),
    ],
)
def test_a_graph_that_does_more_than_its_table_is_refused(
    nodes: tuple[str, ...], edges: tuple[str, ...], table: dict[str, object], said: str
) -> None:
    graph = drawn(
        {
            "hitPolicy": "first",
            "inputs": [{"id": "a", "field": "p_agent"}],
            "outputs": [{"id": "m", "field": "markup_ratio"}],
            "rules": [{"a": "> 70", "m": "1.3"}, {"a": "", "m": "1"}],
            **table,
        },
        nodes,
        edges,
    )
    with pytest.raises(InputError, match=re.escape(said)):
        from_jdm(graph)


@pytest.mark.parametrize(
    "values",
    [None, {}, {"format": "phantom-rules/1", "name": "x", "rules": [{"if": 1}], "otherwise": {}}],
)
def test_json_that_is_no_rule_set_is_answered_with_the_place(values: object) -> None:
    with pytest.raises(InputError, match="Rules as JSON, at "):
        from_json(values)


def test_thresholds_beyond_the_decimals_of_the_engine_are_refused() -> None:
    with pytest.raises(InputError, match="beyond the decimals"):
        ZenRules(RuleSet("x", (Rule((Condition("a", ">", 1e29),), 1.1),)))
