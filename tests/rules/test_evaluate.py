"""Evaluation: the first matching rule decides, and undefined is what the rule states."""

import numpy as np
import pytest

from phantom_core.core.errors import InputError
from phantom_core.market.policies.fixed import Fixed
from phantom_core.market.policies.rules import RulePolicy
from phantom_core.market.scenario import Scenario
from phantom_core.market.shops import Shops
from phantom_core.rules.evaluate import OTHERWISE, evaluate_rules
from phantom_core.rules.text import parse_rules

NAN = float("nan")


def decide(text: str, **columns: list[float] | list[str | None]) -> tuple[list[float], list[int]]:
    arrays = {
        name: np.array(
            values, object if any(isinstance(value, str) for value in values) else np.float64
        )
        for name, values in columns.items()
    }
    found = evaluate_rules(parse_rules(text, "demo"), arrays, len(next(iter(columns.values()))))
    return found.markup_ratio.tolist(), found.rule.tolist()


def test_the_first_rule_that_holds_decides() -> None:
    bands = "IF p > 0.7 THEN markup 1.3\nELIF p > 0.4 THEN markup 1.1\nELSE markup 1"
    assert decide(bands, p=[0.9, 0.7, 0.5, 0.4]) == ([1.3, 1.1, 1.1, 1.0], [0, 1, 1, OTHERWISE])


def test_all_conditions_of_a_rule_must_hold() -> None:
    assert decide("IF a > 1 AND b <= 0 THEN markup 2\nELSE markup 1", a=[2, 2, 0], b=[0, 1, 0])[
        1
    ] == [0, OTHERWISE, OTHERWISE]


@pytest.mark.parametrize("operator", [">", ">=", "<", "<=", "=", "!="])
def test_a_comparison_with_an_undefined_feature_is_false_unless_the_rule_says_so(
    operator: str,
) -> None:
    assert decide(f"IF a {operator} 0 THEN markup 2\nELSE markup 1", a=[NAN])[0] == [1.0]
    assert decide(f"IF a {operator} 0 OR UNDEFINED THEN markup 2\nELSE markup 1", a=[NAN])[0] == [
        2.0
    ]


def test_undefined_can_be_asked_for() -> None:
    assert decide("IF a IS UNDEFINED THEN markup 2\nELSE markup 1", a=[NAN, 0.0])[0] == [2.0, 1.0]
    assert decide("IF b IS UNDEFINED THEN markup 2\nELSE markup 1", b=[None, "Chrome"])[0] == [
        2.0,
        1.0,
    ]


def test_categories_are_compared_as_a_whole() -> None:
    text = "IF b = 'Chrome' THEN markup 2\nELIF b != 'Edge' THEN markup 3\nELSE markup 1"
    assert decide(text, b=["Chrome", "chrome", "Edge", None])[0] == [2.0, 3.0, 1.0, 1.0]


def test_a_feature_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="read 'b', which is unknown here"):
        decide("IF b > 1 THEN markup 2\nELSE markup 1", a=[1.0])


@pytest.mark.parametrize(("text", "column"), [("IF a > 1", ["Chrome"]), ("IF a = 'x'", [1.0])])
def test_numbers_and_categories_are_not_compared(
    text: str, column: list[float] | list[str | None]
) -> None:
    with pytest.raises(InputError, match="the rule compares it with"):
        decide(f"{text} THEN markup 2\nELSE markup 1", a=column)


def test_a_rule_policy_that_always_says_the_same_earns_what_a_fixed_price_earns() -> None:
    same = RulePolicy(parse_rules("IF inventory >= 0 THEN markup 1.2\nELSE markup 0.7", "same"))
    earned = []
    for policy in (same, Fixed(1.2)):
        shops = Shops(Scenario(), 8, 1)
        earned.append(
            sum(shops.step(policy.ratios(shops.state)).reward for _ in range(24)).tolist()
        )
    assert earned[0] == earned[1]


def test_a_rule_policy_reads_what_each_shop_knows() -> None:
    shops = Shops(Scenario(), 50, 1)
    shops.state.demand[:] = np.arange(50)
    surge = RulePolicy(parse_rules("IF demand > 10 THEN markup 1.2\nELSE markup 0.9", "surge"))
    assert surge.ratios(shops.state).tolist() == [0.9] * 11 + [1.2] * 39


def test_a_rule_policy_knows_no_session_features() -> None:
    with pytest.raises(InputError, match="'cart_adds', which is unknown here"):
        RulePolicy(parse_rules("IF cart_adds > 1 THEN markup 2\nELSE markup 1", "x"))
