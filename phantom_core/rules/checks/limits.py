"""Limits: what a shop allows its rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from phantom_core.core.limits import GuardRails
from phantom_core.rules.domain import Domain


@dataclass(frozen=True, slots=True)
class RuleLimits:
    """Limits that rules are checked against.

    Attributes:
        domains: domain of each known feature.
        guard_rails: allowed mark-ups.
        banned: features that must not change a price.
        learned: output of a model → banned features that the model learns from; rules that read the
            output depend on them.
        models: output of a model → name of the model.
    """

    domains: Mapping[str, Domain]
    guard_rails: GuardRails
    banned: tuple[str, ...] = ()
    learned: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
