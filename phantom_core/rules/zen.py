"""Zen: a rule set evaluated by a Zen engine, as shops run it, one session at a time."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import zen

from phantom_core.core.errors import InputError
from phantom_core.rules.jdm import MARKUP, RULE, jdm_literal, to_jdm
from phantom_core.rules.rule_set import RuleSet

# The engine's decimals have 28 places: from SMALLEST to LARGEST they hold all 17 digits of a float.
SMALLEST: Final = 1.0e-11
LARGEST: Final = 7.0e28


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of the engine for a session.

    Attributes:
        markup_ratio: price over base price.
        rule: name or number of the rule that decided, ELSE where none matched.
    """

    markup_ratio: float
    rule: str


class ZenRules:
    """A rule set in a Zen engine.

    Args:
        rules: what to evaluate; thresholds are 0 or between SMALLEST and LARGEST.
    Raises:
        InputError: a threshold beyond the engine's decimals.
    """

    def __init__(self, rules: RuleSet) -> None:
        for rule in rules.rules:
            for condition in rule.conditions:
                size = (
                    abs(condition.threshold)
                    if isinstance(condition.threshold, float | int)
                    else 0.0
                )
                if size and not SMALLEST <= size < LARGEST:
                    raise InputError(
                        f"{condition.feature} {condition.operator} {condition.threshold} is "
                        "beyond the decimals of Zen engines."
                    )
        self._features = rules.features
        self._decision = zen.ZenEngine().create_decision(json.dumps(to_jdm(rules)))

    def decide(self, session: Mapping[str, float | str | None]) -> Answer:
        """Evaluate one session.

        Args:
            session: values by feature; None or NaN where undefined, yes/no as 1/0.
        """
        inputs = {name: _sent(session.get(name)) for name in self._features}
        result = self._decision.evaluate(inputs)["result"]
        return Answer(float(result[MARKUP]), str(result[RULE]))


def _sent(value: float | str | None) -> str | None:
    """A value as decimal text, which the engine compares exactly; clamped beyond all thresholds."""
    if value is None or isinstance(value, str):
        return value
    if math.isnan(value):
        return None
    near_zero = 0 < abs(value) < SMALLEST
    return jdm_literal(
        math.copysign(SMALLEST / 2, value) if near_zero else max(-LARGEST, min(LARGEST, value))
    )
