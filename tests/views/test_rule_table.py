"""Rule table: rows and rules are two views of the same data, and a bad row is named."""

import pandas as pd
import pytest
from hypothesis import given

from phantom_core.core.errors import InputError
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import parse_rules
from phantom_core.views.rules.rule_table import COLUMNS, feature_names, rule_table, rules_of_table
from tests.examples import examples
from tests.rules.strategies import rule_sets

TEXT = """MARKUP RISES WITH p_agent
IF interaction_velocity > 10 AND cart_to_view_ratio < 0.1 OR UNDEFINED\
  THEN markup 1.30 AS recon (looks, never buys)
ELIF browser_family = 'Chrome' THEN markup 1.10
ELIF std_price_seen IS UNDEFINED THEN markup 1.05
ELSE markup 1.00 (as ever)
"""


def test_a_row_is_a_condition_and_the_last_one_is_else() -> None:
    table = rule_table(parse_rules(TEXT, "x"))
    assert tuple(table.columns) == COLUMNS
    assert table["rule"].tolist() == [1, 1, 2, 3, pd.NA]
    assert table["threshold"].tolist()[:3] == ["10", "0.1", "Chrome"]
    assert table["markup"].tolist()[0] == 1.3 and pd.isna(table["markup"][1])
    assert (table["name"][0], table["note"][4]) == ("recon", "as ever")


def test_rows_come_back_as_the_same_rules() -> None:
    rules = parse_rules(TEXT, "x")
    assert rules_of_table(rule_table(rules), rules) == rules


@given(rule_sets)
@examples(50)
def test_any_rules_survive_the_table(rules: RuleSet) -> None:
    assert rules_of_table(rule_table(rules), rules) == rules


def test_rules_are_tried_by_their_numbers_not_by_their_rows() -> None:
    rules = parse_rules(
        "IF cart_adds > 1 THEN markup 1.1\nELIF cart_adds > 0 THEN markup 1.2\nELSE markup 1", "x"
    )
    table = rule_table(rules)
    table["rule"] = pd.Series([2, 1, pd.NA])
    assert rules_of_table(table, rules).rules == rules.rules[::-1]


def test_empty_rows_are_skipped() -> None:
    rules = parse_rules(TEXT, "x")
    table = pd.concat(
        [rule_table(rules), pd.DataFrame([{"when_undefined": False}])], ignore_index=True
    )
    assert rules_of_table(table, rules) == rules


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"operator": None}, "Row 1 does not say how cart_adds is compared"),
        ({"threshold": None}, "Row 1 compares cart_adds with nothing"),
        ({"rule": pd.NA}, "Row 1 does not say to which rule it belongs"),
        ({"markup": None}, "Rule 1 has no mark-up"),
        ({"threshold": "many"}, "cart_adds > 'many': categories have no order"),
        ({"feature": None}, "Row 2 has no feature, but there is an ELSE already"),
    ],
)
def test_an_invalid_row_is_named(change: dict[str, object], said: str) -> None:
    rules = parse_rules("IF cart_adds > 1 THEN markup 1.1\nELSE markup 1", "x")
    table = rule_table(rules).astype(object)
    for name, value in change.items():
        table.loc[0, name] = value
    with pytest.raises(InputError, match=said):
        rules_of_table(table, rules)


def test_without_else_there_are_no_rules() -> None:
    rules = parse_rules("IF cart_adds > 1 THEN markup 1.1\nELSE markup 1", "x")
    with pytest.raises(InputError, match="There is no ELSE"):
        rules_of_table(rule_table(rules).head(1), rules)


def test_readable_features_begin_with_p_agent() -> None:
    assert feature_names()[0] == "p_agent"
    assert len(feature_names()) == 30
