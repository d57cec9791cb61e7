"""Rule set: the mark-up on the base price, decided by the first rule that matches."""

import math
from dataclasses import dataclass
from typing import Final

from phantom_core.core.errors import InputError
from phantom_core.rules.condition import NAME, Condition
from phantom_core.rules.expectation import Expectation

LARGEST_MARKUP: Final = 10.0
ELSE: Final = "ELSE"
# A check compares all pairs of rules; these many take about two seconds.
MOST_RULES: Final = 2_000
MOST_CONDITIONS: Final = 60


@dataclass(frozen=True, slots=True)
class Rule:
    """A mark-up and when it applies.

    Attributes:
        conditions: all of them must hold; at least one.
        markup_ratio: price over base price, above 0 and up to 10.
        note: why, in one printable line.
        name: in reports, lower case letters, digits and underscores; empty for its
            number.
    Raises:
        InputError: no condition, a mark-up out of range, a note of several lines, or an invalid
            name.
    """

    conditions: tuple[Condition, ...]
    markup_ratio: float
    note: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        if not self.conditions:
            raise InputError(
                "A rule without a condition would always apply.", hint="Use the rule set's ELSE."
            )
        if self.name and not NAME.fullmatch(self.name):
            raise InputError(
                f"'{self.name}' cannot name a rule.",
                hint="Names are lower case letters, digits and underscores.",
            )
        _check(self.markup_ratio, self.note)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in order; the first one that matches decides.

    Attributes:
        name: in results.
        rules: in the order in which they are tried.
        otherwise: mark-up where none matches.
        note: why that mark-up.
        rises_with: features with which the mark-up must never fall, which a check ensures.
        falls_with: features with which the mark-up must never rise.
        tests: sessions and the mark-ups they must get, which a check ensures.
    Raises:
        InputError: a mark-up out of range, a note of several lines, two rules of one name, a
            feature declared both ways, or more than MOST_RULES rules or tests.
    """

    name: str
    rules: tuple[Rule, ...]
    otherwise: float = 1.0
    note: str = ""
    rises_with: tuple[str, ...] = ()
    falls_with: tuple[str, ...] = ()
    tests: tuple[Expectation, ...] = ()

    def __post_init__(self) -> None:
        _check(self.otherwise, self.note)
        n_conditions = max((len(rule.conditions) for rule in self.rules), default=0)
        if len(self.rules) > MOST_RULES or n_conditions > MOST_CONDITIONS:
            raise InputError(
                f"{self.name} has {len(self.rules):,} rules with up to {n_conditions:,} conditions "
                f"each; at most {MOST_RULES:,} rules with {MOST_CONDITIONS} can be read.",
                hint="Merge rules with the same mark-up, or distil a smaller tree.",
            )
        names = [rule.name for rule in self.rules if rule.name]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(
                f"Two rules of {self.name} are called '{twice[0]}'.",
                hint="Give each a name of its own, or none.",
            )
        if len(self.tests) > MOST_RULES:
            raise InputError(
                f"{self.name} has {len(self.tests):,} tests; at most {MOST_RULES:,} can be run.",
                hint="Keep those that differ in the rule that decides.",
            )
        declared = (*self.rises_with, *self.falls_with)
        for feature in declared:
            if declared.count(feature) > 1 or not NAME.fullmatch(feature):
                raise InputError(
                    f"'{feature}' is declared twice, or cannot name a feature.",
                    hint="Declare each feature once, rising or falling.",
                )

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features the rules read, each once, in order."""
        return tuple(
            dict.fromkeys(condition.feature for rule in self.rules for condition in rule.conditions)
        )

    def markup(self, position: int) -> float:
        """Mark-up of a rule by its position; that of ELSE for any other position."""
        return (
            self.rules[position].markup_ratio if 0 <= position < len(self.rules) else self.otherwise
        )

    def title(self, position: int) -> str:
        """Title of a rule: its name, else its number from 1; ELSE for any other position.

        >>> RuleSet("none", ()).title(-1)
        'ELSE'
        """
        if not 0 <= position < len(self.rules):
            return ELSE
        return self.rules[position].name or f"rule {position + 1}"


def _check(markup_ratio: float, note: str) -> None:
    if not (math.isfinite(markup_ratio) and 0 < markup_ratio <= LARGEST_MARKUP):
        raise InputError(
            f"A mark-up of {markup_ratio} is not a price ratio.",
            hint=f"It is above 0 and up to {LARGEST_MARKUP:g}; 1.00 is the base price.",
        )
    if note != note.strip() or not note.isprintable():
        raise InputError("A note must be one printable line without spaces around it.")
