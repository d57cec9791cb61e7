"""Frontier: what prices can reach, revenue against leakage, for every policy that is known."""

from dataclasses import dataclass
from typing import Final, Literal

from pydantic import JsonValue, TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.policy_learning.constraints import PolicyConstraints
from phantom_core.policy_learning.learned_policy import LearnedFrom
from phantom_core.policy_learning.policy_figures import PolicyFigures
from phantom_core.policy_learning.target import Target, Verdict, judge_target

PointKind = Literal["learned", "known classes", "other"]


@dataclass(frozen=True, slots=True)
class ReachedPoint:
    """A policy and what it changes against the base price for all.

    Attributes:
        kind: learned rules, a price for each class had it been known, or another policy.
        name: of the policy; for learned rules their λ.
        title: as shown.
        leakage_weight: λ at which it is best; None for other policies.
        figures: what it changes.
        rules: as text; empty where it is none.
    """

    kind: PointKind
    name: str
    title: str
    leakage_weight: float | None
    figures: PolicyFigures
    rules: str = ""


@dataclass(frozen=True, slots=True)
class PolicyFrontier:
    """Every policy on the same quotes.

    Attributes:
        version: name of the saved frontier.
        created_ms: UTC milliseconds.
        constraints: of the learned rules, but for the leakage to recover.
        target: what the shop would like to reach.
        points: the policies; of each kind in the order of λ.
        learned_from: the data.
    """

    version: str
    created_ms: int
    constraints: PolicyConstraints
    target: Target
    points: tuple[ReachedPoint, ...]
    learned_from: LearnedFrom

    def of_kind(self, kind: PointKind) -> tuple[ReachedPoint, ...]:
        """Points of a kind."""
        return tuple(point for point in self.points if point.kind == kind)

    @property
    def verdict(self) -> Verdict:
        """Whether the target can be reached."""
        return judge_target(
            self.target,
            [point.figures for point in self.of_kind("learned")],
            [point.figures for point in self.of_kind("known classes")],
        )

    def to_file(self) -> bytes:
        """Everything, as the workspace stores it."""
        return _ADAPTER.dump_json(self, indent=1)

    def to_json(self) -> dict[str, JsonValue]:
        """Everything, and the verdict on the target."""
        plain: dict[str, JsonValue] = _ADAPTER.dump_python(self, mode="json")
        verdict = self.verdict
        return {
            **plain,
            "reached_by_rules": verdict.by_rules,
            "reached_by_known_classes": verdict.by_known_classes,
            "says": verdict.says,
        }


_ADAPTER: Final = TypeAdapter(PolicyFrontier)


def parse_frontier(text: bytes, where: str) -> PolicyFrontier:
    """Read a saved frontier back.

    Raises:
        DataError: it is not what this version saves.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise DataError(
            f"{where} cannot be read by this version of PHANTOM.", hint="Trace the frontier again."
        ) from error
