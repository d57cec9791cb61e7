"""Limits: what a shop allows its rules."""

from collections.abc import Mapping
from dataclasses import dataclass

from phantom_core.core.limits import GuardRails
from phantom_core.rules.domain import Domain


@dataclass(frozen=True, slots=True)
class RuleLimits:
    """What rules are held to.

    Attributes:
        domains: what each known feature can be.
        guard_rails: the mark-ups that a rule may ask.
        banned: features that must not move a price.
    """

    domains: Mapping[str, Domain]
    guard_rails: GuardRails
    banned: tuple[str, ...] = ()
