"""Prepared: a rule set with the exact set of sessions of each rule."""

from collections.abc import Iterable
from dataclasses import dataclass

from phantom_core.rules.checks.limits import RuleLimits
from phantom_core.rules.condition import Condition
from phantom_core.rules.domain import known_domains
from phantom_core.rules.grid import Axis, Cells, Grid
from phantom_core.rules.region import describe_region
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.space import Box, Space


@dataclass(frozen=True, slots=True)
class Prepared:
    """The input of every check.

    Attributes:
        rules: the rule set.
        limits: that it is checked against.
        space: of the features the rules read or declare.
        boxes: sessions that match each rule's conditions, whatever the rules above it decide.
        grid: the same boxes as bits.
    """

    rules: RuleSet
    limits: RuleLimits
    space: Space
    boxes: tuple[Box, ...]
    grid: Grid

    @classmethod
    def of(cls, rules: RuleSet, limits: RuleLimits) -> "Prepared":
        """Compute the box of each rule."""
        read = [condition for rule in rules.rules for condition in rule.conditions]
        declared = [
            Condition(feature, "IS UNDEFINED", when_undefined=True)
            for feature in (*rules.rises_with, *rules.falls_with)
        ]
        space = Space(known_domains(limits.domains, (*read, *declared)))
        boxes = tuple(space.where(rule.conditions) for rule in rules.rules)
        regions = {name: {domain.everything()} for name, domain in space.domains.items()}
        for one in read:
            regions[one.feature].add(space.domains[one.feature].where(one))
        axes = [Axis.of(found) for found in regions.values()]
        return cls(rules, limits, space, boxes, Grid(axes, boxes))

    def cells_where(self, conditions: Iterable[Condition]) -> Cells:
        """Sessions that match all conditions, as cells."""
        return self.grid.encode(self.space.where(conditions))

    def title(self, position: int) -> str:
        """The name of a rule in findings."""
        return self.rules.title(position)

    def shown(self, position: int) -> str:
        """A rule and its mark-up, as part of a sentence."""
        return f"{self.title(position)} (×{self.rules.markup(position):.2f})"

    def example(self, cells: Cells) -> str:
        """A description of the sessions of a box, as part of a sentence."""
        box = self.grid.decode(cells)
        parts = [
            f"{feature} {describe_region(region, is_whole=domain.kind == 'whole')}"
            for (feature, domain), region in zip(self.space.domains.items(), box, strict=True)
            if region != domain.everything()
        ]
        return f"sessions with {'; '.join(parts)}" if parts else "any session"
