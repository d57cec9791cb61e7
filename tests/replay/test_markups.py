"""Mark-ups: prices of each class under a rule set, counted by hand."""

import numpy as np
import pytest

from phantom_core.replay.markups import class_figures, recovered_by_rules, rule_uses
from phantom_core.replay.reference import constant_reference
from phantom_core.replay.replay import change_bars, moved_sessions
from phantom_core.rules.evaluate import evaluate_rules
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import parse_rules
from tests.replay.shop import purchases, quotes, resampler, session_index

SESSIONS = session_index([0, 0, 1, float("nan")], [0.1, 0.1, 0.9, 0.5])
SHOWN = quotes([0, 0, 1, 2, 3], [1.0] * 5)
MARKUPS = np.array([1.0, 1.2, 1.0, 1.3, 1.1])


def test_a_human_with_one_dear_quote_is_marked_up() -> None:
    human = class_figures(MARKUPS, 1.0 - SESSIONS.best_known, SHOWN, resampler(SESSIONS))
    assert human.sessions == pytest.approx(2.5)
    # The first human, and half of the session with P(agent) 0.5.
    assert human.marked_up.value == pytest.approx(1.5 / 2.5)
    assert human.quotes_marked_up.value == pytest.approx(1.5 / 3.5)
    assert human.premium.value == pytest.approx((0.2 + 0.5 * 0.1) / 3.5)
    assert human.premium_when_marked_up.value == pytest.approx((0.2 + 0.5 * 0.1) / 1.5)


def test_rules_are_counted_by_what_they_decide_and_bars_by_mark_up() -> None:
    rules = parse_rules("IF p_agent > 0.8 THEN markup 1.3 AS sure\nELSE markup 1.0", "x")
    p_agent = SESSIONS.best_known[SHOWN.session]
    decided = evaluate_rules(rules, {"p_agent": p_agent}, 5)
    sure, otherwise = rule_uses(rules, decided, p_agent)
    assert (sure.rule, sure.quotes, sure.human, sure.agent) == ("sure", 1, 0.0, 1.0)
    assert (otherwise.rule, otherwise.quotes, otherwise.human, otherwise.agent) == (
        "ELSE",
        4,
        3.5,
        0.5,
    )
    assert [(bar.markup_ratio, bar.human, bar.agent) for bar in change_bars(decided, p_agent)] == [
        (1.0, 3.5, 0.5),
        (1.3, 0.0, 1.0),
    ]


def test_quotes_that_move_are_counted_from_rule_to_rule() -> None:
    rules, none = (
        parse_rules("IF p_agent > 0.8 THEN markup 1.3\nELSE markup 1.0", "x"),
        RuleSet("none", ()),
    )
    p_agent = SESSIONS.best_known[SHOWN.session]
    after, before = (evaluate_rules(one, {"p_agent": p_agent}, 5) for one in (rules, none))
    [one] = moved_sessions(rules, after, none, before, p_agent)
    assert (one.before, one.after, one.markup_after, one.quotes, one.agent) == (
        "ELSE",
        "rule 1",
        1.3,
        1,
        1.0,
    )
    assert moved_sessions(none, before, none, before, p_agent) == ()


def test_leakage_is_recovered_where_the_price_rises_and_grows_where_it_falls() -> None:
    bought = purchases([2, 2], [1.0, 1.0])
    up, down = (
        recovered_by_rules(
            bought,
            np.ones(2),
            np.full(2, ratio),
            (constant_reference(bought),),
            resampler(SESSIONS),
        )[0]
        for ratio in (1.3, 0.9)
    )
    assert (up.logged.value, up.left.value, up.recovered.value, up.share.value) == pytest.approx(
        (40.0, 0.0, 40.0, 1.0)
    )
    assert down.recovered.value == pytest.approx(-20.0)
