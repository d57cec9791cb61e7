"""Expectation: the mark-up that one session must get, a test that a rule set carries with it."""

import math
from dataclasses import dataclass

from phantom_core.core.errors import InputError
from phantom_core.rules.condition import NAME

Given = tuple[tuple[str, float | str], ...]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a session must pay; it changes no price.

    Attributes:
        markup_ratio: price over base price.
        given: feature and value; features that are not named are undefined.
        note: why, in one printable line.
    Raises:
        InputError: a mark-up that is no price ratio, an invalid or repeated name, or a number that
            is not finite.

    >>> Expectation(1.3, (("p_agent", 0.9),)).session
    {'p_agent': 0.9}
    """

    markup_ratio: float
    given: Given
    note: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.markup_ratio) and self.markup_ratio > 0):
            raise InputError(
                f"A mark-up of {self.markup_ratio} is not a price ratio.",
                hint="It is above 0; 1.00 is the base price.",
            )
        if self.note != self.note.strip() or not self.note.isprintable():
            raise InputError("A note must be one printable line without spaces around it.")
        names = [name for name, _ in self.given]
        for name, value in self.given:
            if names.count(name) > 1 or not NAME.fullmatch(name):
                raise InputError(
                    f"'{name}' is given twice, or cannot name a feature.",
                    hint="Give each feature once.",
                )
            if not isinstance(value, str) and not math.isfinite(value):
                raise InputError(
                    f"{name} is given as {value}, which is no number.",
                    hint="Leave out a feature that is undefined.",
                )

    @property
    def session(self) -> dict[str, float | str | None]:
        """The session, as rules read it."""
        return dict(self.given)
