"""Limits: what a shop allows its rules."""

from collections.abc import Mapping
from dataclasses import dataclass

from phantom_core.rules.domain import Domain


@dataclass(frozen=True, slots=True)
class CheckLimits:
    """What rules are held to.

    Attributes:
        domains: what each known feature can be.
        banned: features that must not move a price.
        lowest_markup, highest_markup: guard rails, price over base price.
    """

    domains: Mapping[str, Domain]
    banned: tuple[str, ...] = ()
    lowest_markup: float = 0.7
    highest_markup: float = 1.5
