"""Rule set: what to add to the base price, decided by the first rule that holds."""

import math
from dataclasses import dataclass
from typing import Final

from phantom_core.errors import InputError
from phantom_core.rules.condition import Condition

LARGEST_MARKUP: Final = 10.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A mark-up and when it applies.

    Attributes:
        conditions: all of them must hold; at least one.
        markup_ratio: price over base price, above 0 and up to 10.
        note: why, in one printable line.
    Raises:
        InputError: no condition, a mark-up out of range, or a note of several lines.
    """

    conditions: tuple[Condition, ...]
    markup_ratio: float
    note: str = ""

    def __post_init__(self) -> None:
        if not self.conditions:
            raise InputError("A rule without a condition would always apply.", hint="Use the rule set's ELSE.")
        _check(self.markup_ratio, self.note)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in order; the first one that holds decides.

    Attributes:
        name: how results call it.
        rules: in the order in which they are tried.
        otherwise: mark-up where none holds.
        note: why that one.
    Raises:
        InputError: a mark-up out of range, or a note of several lines.
    """

    name: str
    rules: tuple[Rule, ...]
    otherwise: float = 1.0
    note: str = ""

    def __post_init__(self) -> None:
        _check(self.otherwise, self.note)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features the rules read, each once, in order."""
        return tuple(dict.fromkeys(condition.feature for rule in self.rules for condition in rule.conditions))


def _check(markup_ratio: float, note: str) -> None:
    if not (math.isfinite(markup_ratio) and 0 < markup_ratio <= LARGEST_MARKUP):
        raise InputError(
            f"A mark-up of {markup_ratio} is no price ratio.", hint=f"It is above 0 and up to {LARGEST_MARKUP:g}; 1.00 is the base price."
        )
    if note != note.strip() or not note.isprintable():
        raise InputError("A note must be one printable line without spaces around it.")
