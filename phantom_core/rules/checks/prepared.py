"""Prepared: a rule set with the exact set of sessions of each rule."""

from dataclasses import dataclass

from phantom_core.rules.checks.limits import RuleLimits
from phantom_core.rules.condition import Condition
from phantom_core.rules.domain import known_domains
from phantom_core.rules.region import describe_region
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.space import Box, Space


@dataclass(frozen=True, slots=True)
class Prepared:
    """What every check reads.

    Attributes:
        rules: the rule set.
        limits: what it is held to.
        space: of the features the rules read or declare.
        boxes: sessions for which each rule's conditions hold, whatever the rules above it say.
    """

    rules: RuleSet
    limits: RuleLimits
    space: Space
    boxes: tuple[Box, ...]

    @classmethod
    def of(cls, rules: RuleSet, limits: RuleLimits) -> "Prepared":
        """Cut the sessions into boxes."""
        read = [condition for rule in rules.rules for condition in rule.conditions]
        declared = [
            Condition(feature, "IS UNDEFINED", when_undefined=True)
            for feature in (*rules.rises_with, *rules.falls_with)
        ]
        space = Space(known_domains(limits.domains, (*read, *declared)))
        return cls(
            rules, limits, space, tuple(space.where(rule.conditions) for rule in rules.rules)
        )

    def title(self, position: int) -> str:
        """What findings call a rule."""
        return self.rules.title(position)

    def shown(self, position: int) -> str:
        """A rule and its mark-up, as part of a sentence."""
        return f"{self.title(position)} (×{self.rules.markup(position):.2f})"

    def example(self, box: Box) -> str:
        """What the sessions of a box have in common, as part of a sentence."""
        told = [
            f"{feature} {describe_region(region, is_whole=domain.kind == 'whole')}"
            for (feature, domain), region in zip(self.space.domains.items(), box, strict=True)
            if region != domain.everything()
        ]
        return f"sessions with {'; '.join(told)}" if told else "any session"
