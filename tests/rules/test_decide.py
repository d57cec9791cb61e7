"""One session decided in plain Python gets what the arrays give it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom_core.core.errors import InputError
from phantom_core.rules.decide import Decider, RuleDecision
from phantom_core.rules.evaluate import OTHERWISE, evaluate_rules
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import parse_rules
from tests.rules.strategies import random_sessions, row, rule_sets


@pytest.mark.slow
@given(rule_sets, st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_it_decides_as_evaluate_does(rules: RuleSet, seed: int) -> None:
    columns = random_sessions(250, np.random.default_rng(seed))
    decided, decider = evaluate_rules(rules, columns, 250), Decider(rules)
    for i in range(250):
        assert decider.decide(row(columns, i)) == RuleDecision(
            decided.markup_ratio[i], decided.rule[i]
        )


def test_what_is_absent_is_undefined() -> None:
    decider = Decider(
        parse_rules(
            "IF a > 1 THEN markup 2\nELIF b IS UNDEFINED THEN markup 3\nELSE markup 1", "demo"
        )
    )
    assert decider.decide({}) == RuleDecision(3.0, 1)
    assert decider.decide({"a": 2}) == RuleDecision(2.0, 0)
    assert decider.decide({"b": 0}) == RuleDecision(1.0, OTHERWISE)


@pytest.mark.parametrize(("text", "value"), [("IF a > 1", "Chrome"), ("IF a = 'x'", 1.0)])
def test_numbers_and_categories_are_not_compared(text: str, value: float | str) -> None:
    with pytest.raises(InputError, match="the rule compares it with"):
        Decider(parse_rules(f"{text} THEN markup 2\nELSE markup 1", "demo")).decide({"a": value})
