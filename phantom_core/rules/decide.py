"""Decide: the deciding rule and mark-up of one session, as `evaluate`, but in microseconds."""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from phantom_core.core.errors import InputError
from phantom_core.rules.condition import Condition
from phantom_core.rules.evaluate import OTHERWISE
from phantom_core.rules.rule_set import RuleSet

Value = float | str | None
Session = Mapping[str, Value]
_Holds = Callable[[Value], bool]
_COMPARE: Final[Mapping[str, Callable[..., bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class RuleDecision:
    """The decision of the rules for a session.

    Attributes:
        markup_ratio: price over base price.
        rule: position of the rule that decided; OTHERWISE where none matched.
    """

    markup_ratio: float
    rule: int


class Decider:
    r"""A rule set ready to decide for one session after another, with the answers of `evaluate`.

    Args:
        rules: what to apply.

    >>> from phantom_core.rules.text import parse_rules
    >>> rules = parse_rules("IF p_agent > 0.7 THEN markup 1.3\nELSE markup 1", "bands")
    >>> Decider(rules).decide({"p_agent": 0.9})
    RuleDecision(markup_ratio=1.3, rule=0)
    """

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self._otherwise = RuleDecision(rules.otherwise, OTHERWISE)
        self._tried = tuple(
            (
                tuple((one.feature, _holds(one)) for one in rule.conditions),
                RuleDecision(rule.markup_ratio, position),
            )
            for position, rule in enumerate(rules.rules)
        )

    def decide(self, session: Session) -> RuleDecision:
        """Apply the first rule that matches.

        Args:
            session: values by feature: numbers (yes/no as 1/0) or texts; None, NaN or absent where
                undefined.
        Raises:
            InputError: a rule that was tried compares a number with a category.
        """
        for conditions, decision in self._tried:
            for feature, holds in conditions:
                if not holds(session.get(feature)):
                    break
            else:
                return decision
        return self._otherwise


def _holds(condition: Condition) -> _Holds:
    """The condition as a function of the feature's value."""
    if condition.threshold is None:
        return _is_undefined
    compare, threshold, when_undefined = (
        _COMPARE[condition.operator],
        condition.threshold,
        condition.when_undefined,
    )
    is_category = isinstance(threshold, str)

    def holds(value: Value) -> bool:
        if _is_undefined(value):
            return when_undefined
        if isinstance(value, str) != is_category:
            kind, given = ("a number", "a category") if is_category else ("a category", "a number")
            raise InputError(
                f"'{condition.feature}' is {kind}, and the rule compares it with {given}."
            )
        return compare(value, threshold)

    return holds


def _is_undefined(value: Value) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
