"""Rule table: a rule set as editable rows, one condition each, and back."""

from typing import Final, cast

import pandas as pd

from phantom_core.accounts.permissions import needs_no_permission
from phantom_core.core.errors import InputError
from phantom_core.features.catalogue import FEATURES
from phantom_core.features.domains import P_AGENT
from phantom_core.rules.condition import OPERATORS, Condition, Operator
from phantom_core.rules.rule_set import Rule, RuleSet

COLUMNS: Final = (
    "rule",
    "feature",
    "operator",
    "threshold",
    "when_undefined",
    "markup",
    "name",
    "note",
)
_ROW_HINT: Final = "A row is one condition; the row without a feature is the ELSE."


@needs_no_permission
def feature_names() -> tuple[str, ...]:
    """Features that rules may read, P(agent) first."""
    return (P_AGENT, *(feature.name for feature in FEATURES))


@needs_no_permission
def rule_table(rules: RuleSet) -> pd.DataFrame:
    """A rule set as rows.

    Returns:
        Columns of COLUMNS, the conditions of a rule one below the other; mark-up, name and note
        stand in the first row of each rule; the last row has neither rule nor feature and is the
        ELSE.
    """
    rows = [
        _row(number, condition, rule if position == 0 else None)
        for number, rule in enumerate(rules.rules, start=1)
        for position, condition in enumerate(rule.conditions)
    ]
    rows.append(
        {"rule": None, "when_undefined": False, "markup": rules.otherwise, "note": rules.note}
    )
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(
        {
            "rule": "Int64",
            "feature": object,
            "operator": object,
            "threshold": object,
            "when_undefined": bool,
            "name": object,
            "note": object,
        }
    )


@needs_no_permission
def rules_of_table(table: pd.DataFrame, like: RuleSet) -> RuleSet:
    """Parse rows into a rule set.

    Args:
        table: with the columns of COLUMNS, in any order of rows; rules are tried by their numbers.
        like: rule set that gives the name and the monotonicity constraints.
    Raises:
        InputError: names the row, what was found and what was expected.
    """
    conditions: dict[int, list[Condition]] = {}
    heads: dict[int, dict[str, object]] = {}
    otherwise: tuple[float, str] | None = None
    for line, row in enumerate(cast(list[dict[str, object]], table.to_dict("records")), start=1):
        if all(_is_missing(row[name]) for name in COLUMNS if name != "when_undefined"):
            continue
        if _is_missing(row["feature"]):
            otherwise = _otherwise(row, line, otherwise)
            continue
        number = _number_of_rule(row, line)
        conditions.setdefault(number, []).append(_condition(row, line))
        for name in ("markup", "name", "note"):
            if not _is_missing(row[name]):
                heads.setdefault(number, {}).setdefault(name, row[name])
    if otherwise is None:
        raise InputError("There is no ELSE.", hint=_ROW_HINT)
    rules = tuple(
        _rule(number, tuple(conditions[number]), heads.get(number, {}))
        for number in sorted(conditions)
    )
    return RuleSet(like.name, rules, *otherwise, like.rises_with, like.falls_with, like.tests)


def _row(number: int, condition: Condition, head: Rule | None) -> dict[str, object]:
    threshold = condition.threshold
    shown = (
        None
        if threshold is None
        else threshold
        if isinstance(threshold, str)
        else repr(float(threshold)).removesuffix(".0")
    )
    return {
        "rule": number,
        "feature": condition.feature,
        "operator": condition.operator,
        "threshold": shown,
        "when_undefined": condition.when_undefined,
        "markup": head.markup_ratio if head else None,
        "name": head.name or None if head else None,
        "note": head.note or None if head else None,
    }


def _condition(row: dict[str, object], line: int) -> Condition:
    operator = str(row["operator"])
    if operator not in OPERATORS:
        raise InputError(
            f"Row {line} does not say how {row['feature']} is compared.",
            hint=f"Choose one of {', '.join(OPERATORS)}.",
        )
    if operator == "IS UNDEFINED":
        return Condition(str(row["feature"]), "IS UNDEFINED", when_undefined=True)
    if _is_missing(row["threshold"]):
        raise InputError(
            f"Row {line} compares {row['feature']} with nothing.",
            hint="Write a number, or a category.",
        )
    return Condition(
        str(row["feature"]),
        cast(Operator, operator),
        _threshold(str(row["threshold"])),
        bool(row["when_undefined"]),
    )


def _threshold(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text.strip().strip("'\"")


def _rule(number: int, conditions: tuple[Condition, ...], head: dict[str, object]) -> Rule:
    if "markup" not in head:
        raise InputError(
            f"Rule {number} has no mark-up.", hint="Write it in the first of its rows."
        )
    return Rule(
        conditions,
        float(str(head["markup"])),
        str(head.get("note", "")).strip(),
        str(head.get("name", "")).strip(),
    )


def _otherwise(
    row: dict[str, object], line: int, found: tuple[float, str] | None
) -> tuple[float, str]:
    if found is not None:
        raise InputError(
            f"Row {line} has no feature, but there is an ELSE already.", hint=_ROW_HINT
        )
    if _is_missing(row["markup"]):
        raise InputError(f"Row {line} has neither a feature nor a mark-up.", hint=_ROW_HINT)
    return float(str(row["markup"])), "" if _is_missing(row["note"]) else str(row["note"]).strip()


def _number_of_rule(row: dict[str, object], line: int) -> int:
    if _is_missing(row["rule"]):
        raise InputError(
            f"Row {line} does not say to which rule it belongs.",
            hint="Number the rules in the order in which they are tried.",
        )
    return int(float(str(row["rule"])))


def _is_missing(value: object) -> bool:
    return value is None or bool(pd.isna(value)) or str(value).strip() == ""  # type: ignore[call-overload]
