"""Splits: a condition, its exact opposite, and a threshold with few digits."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.features.catalogue import BY_NAME, Feature
from phantom_core.features.domains import P_AGENT
from phantom_core.features.terms import Count
from phantom_core.rules.condition import Condition

_MOST_DIGITS: Final = 17
_P_AGENT: Final = Feature(
    P_AGENT,
    "behavioural",
    "ratio",
    "P(agent) by the classifier",
    Count(),
    high=1,
    null_when="no classifier",
)


@dataclass(frozen=True, slots=True)
class Split:
    """A condition and its exact opposite.

    Attributes:
        condition: holds on one side.
        opposite: holds on the other; which side undefined belongs to is explicit, if it can
            occur at all.
        left_is_yes: whether the condition holds on the library's left side.
    """

    condition: Condition
    opposite: Condition
    left_is_yes: bool


def make_split(
    name: str,
    category: str | None,
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    threshold: float,
    undefined_left: bool,
    *,
    at_quote: bool = False,
) -> Split:
    """Express a split as conditions.

    Args:
        name: of the feature; P(agent) counts as one.
        category: value that 1 stands for, of a category that was split into yes/no columns; None
            for other features.
        left: defined values that go left, all below those that go right.
        right: defined values that go right.
        threshold: up to here goes left.
        undefined_left: whether undefined goes left.
        at_quote: whether sessions are split at a quote, where every feature may be undefined:
            a price may be asked for before the first event.
    """
    feature = _P_AGENT if name == P_AGENT else BY_NAME[name]
    if not len(left) and undefined_left:
        return Split(
            Condition(name, "IS UNDEFINED", when_undefined=True),
            _is_defined(feature),
            left_is_yes=True,
        )
    if not len(right) and not undefined_left:
        return Split(
            Condition(name, "IS UNDEFINED", when_undefined=True),
            _is_defined(feature),
            left_is_yes=False,
        )
    occurs = at_quote or feature.null_when != "never"
    yes, no = occurs and undefined_left, occurs and not undefined_left
    if category is not None:
        return Split(
            Condition(name, "=", category, no),
            Condition(name, "!=", category, yes),
            left_is_yes=False,
        )
    if feature.unit == "yes/no":
        return Split(
            Condition(name, "=", 1.0, no), Condition(name, "=", 0.0, yes), left_is_yes=False
        )
    short = short_between(left.max(), right.min()) if len(left) and len(right) else threshold
    return Split(
        Condition(name, "<=", short, yes), Condition(name, ">", short, no), left_is_yes=True
    )


def short_between(low: float, high: float) -> float:
    """The number with the fewest digits in [low, high); of several, the most central one.

    >>> short_between(3.0, 4.0), short_between(0.0833, 0.1)
    (3.0, 0.09)
    >>> short_between(14.21, 14.47), short_between(-2.0, 9.5)
    (14.3, 4.0)
    """
    middle = low + (high - low) / 2
    scale = max(abs(low), abs(high))
    first = -math.floor(math.log10(scale)) if scale > 0 else 0
    for digits in range(min(first, 0), first + _MOST_DIGITS):
        step = 10.0**-digits
        near = [
            round(k * step, max(digits, 0))
            for k in (math.floor(middle / step), math.ceil(middle / step))
        ]
        found = [
            number
            for number in (*near, round(math.ceil(low / step) * step, max(digits, 0)))
            if low <= number < high
        ]
        if found:
            return float(min(found, key=lambda number: abs(number - middle)))
    return float(low)


def _is_defined(feature: Feature) -> Condition:
    """The opposite of IS UNDEFINED: a condition that every defined value fulfils."""
    if feature.unit == "category":
        return Condition(feature.name, "!=", "")
    return Condition(feature.name, ">=", float(feature.low or 0.0))
