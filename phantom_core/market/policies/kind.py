"""A kind of policy: how it is written, what it does, how it looks in charts, and how one is
made.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from phantom_core.core.registry import Registry
from phantom_core.market.policy import Policy
from phantom_core.market.scenario import Scenario
from phantom_core.market.team import Team

Detail = Literal["none", "optional", "required"]


@dataclass(frozen=True, slots=True)
class PolicyRequest:
    """A policy that was asked for.

    Attributes:
        name: as it was written, such as "fixed:1.2".
        detail: what follows the colon; empty for nothing.
        scenario: what it is for.
        seed: of a search by simulation.
        runs: folder of the workspace's trained policies.
    """

    name: str
    detail: str
    scenario: Scenario
    seed: int
    runs: Path


@dataclass(frozen=True, slots=True)
class PolicyKind:
    """A kind of policy, in the words of the page and the command line.

    Attributes:
        name: what is written before the colon.
        title: as people read it.
        description: one sentence; what follows a semicolon is for the command line alone.
        order: where it stands in lists, lowest first.
        make: makes one.
        detail: whether something may or must follow the colon.
        placeholder: what stands for the detail in lists, such as FILE; empty for none.
        has_one_product: whether it is known for markets of one product only.
        colour: in charts, "#rrggbb" or "baseline", "agent" or "model"; empty for the next free one.
        dash: of its line in charts; empty for a solid one.
        result_titles: titles of results that go by another name, by that name.
    """

    name: str
    title: str
    description: str
    order: int
    make: Callable[[PolicyRequest], Policy | Team]
    detail: Detail = "none"
    placeholder: str = ""
    has_one_product: bool = False
    colour: str = ""
    dash: str = ""
    result_titles: Mapping[str, str] = field(default_factory=dict)

    @property
    def written(self) -> str:
        """How it is written in lists, such as "rules:FILE"."""
        return f"{self.name}:{self.placeholder}" if self.placeholder else self.name


POLICIES: Final[Registry[PolicyKind]] = Registry("policy", "phantom_core.market.policies")


def plain_policies() -> tuple[str, ...]:
    """Names of the policies that need no detail: those tried where nobody chose."""
    return tuple(kind.name for kind in POLICIES.all() if kind.detail != "required")
