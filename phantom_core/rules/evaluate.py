"""Evaluate: the deciding rule and mark-up of each row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.errors import InputError
from phantom_core.rules.condition import Condition
from phantom_core.rules.rule_set import RuleSet

OTHERWISE: Final = -1
Column = NDArray[np.float64] | NDArray[np.object_]
_COMPARE: Final = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "=": np.equal,
    "!=": np.not_equal,
}


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """The decisions of the rules, arrays of shape (n_rows,).

    Attributes:
        markup_ratio: price over base price.
        rule: position of the rule that decided; OTHERWISE where none matched.
    """

    markup_ratio: NDArray[np.float64]
    rule: NDArray[np.int64]


def evaluate_rules(rules: RuleSet, columns: Mapping[str, Column], n_rows: int) -> Decided:
    """Apply the first matching rule to each row.

    Args:
        rules: what to apply.
        columns: values by feature, shape (n_rows,): numbers with NaN where undefined (yes/no as
            1/0), or texts with None.
        n_rows: how many rows there are.
    Raises:
        InputError: a rule reads a missing feature, or compares numbers with a category.
    """
    check_features(rules, columns)
    decided = np.full(n_rows, OTHERWISE, np.int64)
    for position in reversed(range(len(rules.rules))):
        conditions = rules.rules[position].conditions
        decided[
            np.logical_and.reduce(
                [condition_holds(condition, columns[condition.feature]) for condition in conditions]
            )
        ] = position
    ratios = np.array([*(rule.markup_ratio for rule in rules.rules), rules.otherwise])
    return Decided(ratios[decided], decided)


def check_features(rules: RuleSet, known: Mapping[str, object] | tuple[str, ...]) -> None:
    """Reject rules that read a missing feature.

    Raises:
        InputError: names it.
    """
    for feature in rules.features:
        if feature not in known:
            raise InputError(
                f"Rules {rules.name} read '{feature}', which is unknown here.",
                hint=f"Known are {', '.join(sorted(known))}.",
            )


def condition_holds(condition: Condition, values: Column) -> NDArray[np.bool_]:
    """Whether a condition holds in each row, shape (n_rows,)."""
    is_category = values.dtype.kind not in "fiub"
    undefined = (
        np.array([value is None for value in values], np.bool_)
        if is_category
        else np.isnan(values.astype(np.float64))
    )
    if condition.threshold is None:
        return np.asarray(undefined, np.bool_)
    if is_category != isinstance(condition.threshold, str):
        kind, given = ("a category", "a number") if is_category else ("a number", "a category")
        raise InputError(f"'{condition.feature}' is {kind}, and the rule compares it with {given}.")
    compared = _COMPARE[condition.operator](values, condition.threshold)
    return np.asarray(np.where(undefined, condition.when_undefined, compared), np.bool_)
