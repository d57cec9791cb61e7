"""Condition: one comparison of a feature with a constant."""

import math
import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from phantom_core.core.errors import InputError

Operator = Literal[">", ">=", "<", "<=", "=", "!=", "IS UNDEFINED"]
OPERATORS: Final[tuple[Operator, ...]] = get_args(Operator)
NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison that holds or not; where the feature is undefined, `when_undefined` decides.

    Attributes:
        feature: name of a column.
        operator: how it is compared; categories have only = and !=.
        threshold: a finite number, or a category; None for IS UNDEFINED.
        when_undefined: whether the condition holds where the feature is undefined; always for IS
            UNDEFINED.
    Raises:
        InputError: an invalid comparison.
    """

    feature: str
    operator: Operator
    threshold: float | str | None = None
    when_undefined: bool = False

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.feature):
            raise InputError(
                f"'{self.feature}' cannot name a feature.",
                hint="Names are lower case letters, digits and underscores.",
            )
        if self.operator not in OPERATORS:
            raise InputError(
                f"'{self.operator}' is not a comparison.", hint=f"There are {', '.join(OPERATORS)}."
            )
        if (self.threshold is None) != (self.operator == "IS UNDEFINED"):
            raise InputError(
                f"{self.feature} {self.operator} {self.threshold}: a threshold is missing, "
                "or IS UNDEFINED has one."
            )
        if self.operator == "IS UNDEFINED" and not self.when_undefined:
            raise InputError(
                f"{self.feature} IS UNDEFINED must hold where the feature is undefined."
            )
        if isinstance(self.threshold, str) and self.operator not in ("=", "!="):
            raise InputError(
                f"{self.feature} {self.operator} '{self.threshold}': categories have no order.",
                hint="Use = or !=.",
            )
        if isinstance(self.threshold, str) and not self.threshold.isprintable():
            raise InputError(
                f"A category of {self.feature} contains a character that cannot be printed."
            )
        if isinstance(self.threshold, float | int) and not math.isfinite(self.threshold):
            raise InputError(
                f"{self.feature} {self.operator} {self.threshold}: a threshold must be a finite "
                "number."
            )
