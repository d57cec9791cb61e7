"""Distillation: a small tree, its recipe and its fidelity, as one value and as a file."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.distil.fidelity import Fidelity
from phantom_core.distil.frontier import FrontierPoint
from phantom_core.distil.grow import Recipe
from phantom_core.distil.tree import Node, tree_depth, tree_leaves
from phantom_core.distil.tree_rules import rules_of
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.simplify import simplify_rules
from phantom_core.rules.text import format_rules

FILE: Final = "distillation.json"
# Simplification is quadratic: 130 rules take 1.5 s. A tree of depth 8 has no more than this.
MOST_SIMPLIFIED: Final = 256


@dataclass(frozen=True, slots=True)
class Distillation:
    """A small tree and its figures; fidelity is measured on held-out actors.

    Attributes:
        version: name of the saved tree.
        created_ms: UTC milliseconds.
        teacher: kind of the teacher.
        teacher_version: name of the teacher's model.
        lake_version: version of the events.
        sessions: labelled sessions it was trained on, count.
        buyers: agents' sessions with a purchase among them, count; leakage is measured on these
            alone.
        seed: of everything random.
        recipe: how it was grown.
        without: features it may not use.
        tree: the tree of all sessions.
        fidelity: to the teacher.
        unrestricted: fidelity of a tree that may use all features; None where none was left
            out.
        frontier: fidelity by depth.
    """

    version: str
    created_ms: int
    teacher: str
    teacher_version: str
    lake_version: int
    sessions: int
    buyers: int
    seed: int
    recipe: Recipe
    without: tuple[str, ...]
    tree: Node
    fidelity: Fidelity
    unrestricted: Fidelity | None
    frontier: tuple[FrontierPoint, ...]

    @property
    def rules(self) -> RuleSet:
        """The tree as rules: one per leaf, simplified where they are not too many."""
        return _rules(self.tree, self.version)

    def to_file(self) -> bytes:
        """Everything, as distillation.json holds it."""
        return _ADAPTER.dump_json(self, indent=1)

    def to_json(self) -> dict[str, JsonValue]:
        """The main figures, flat, as the command line prints them."""
        return {
            "version": self.version,
            "teacher": self.teacher,
            "teacher_version": self.teacher_version,
            "lake_version": self.lake_version,
            "sessions": self.sessions,
            "agent_buyers": self.buyers,
            "method": self.recipe.method,
            "depth": tree_depth(self.tree),
            "leaves": len(tree_leaves(self.tree)),
            "leaf_sessions": self.recipe.leaf_sessions,
            "without": list(self.without),
            **self.fidelity.to_json(),
            "unrestricted": None if self.unrestricted is None else self.unrestricted.to_json(),
            "frontier": [
                {"depth": point.depth, "leaves": point.leaves, **point.fidelity.to_json()}
                for point in self.frontier
            ],
            "seed": self.seed,
            "rules": format_rules(self.rules),
        }


@lru_cache(maxsize=8)
def _rules(tree: Node, name: str) -> RuleSet:
    rules = rules_of(tree, name)
    return simplify_rules(rules) if len(rules.rules) < MOST_SIMPLIFIED else rules


_ADAPTER: Final = TypeAdapter(Distillation)


def parse_distillation(text: bytes) -> Distillation:
    """Read distillation.json back.

    Raises:
        DataError: it is not one this version can read.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise DataError(
            f"{FILE} cannot be read by this version of PHANTOM.", hint="Distil again."
        ) from error
