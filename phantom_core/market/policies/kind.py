"""A kind of policy: its name, its description, its look in charts, and its constructor."""

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
    """A requested policy.

    Attributes:
        name: as given, such as "fixed:1.2".
        detail: the part after the colon; empty without one.
        scenario: the market it is for.
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
    """A kind of policy, as the page and the command line describe it.

    Attributes:
        name: the part before the colon.
        title: displayed name.
        description: one sentence; what follows a semicolon is for the command line alone.
        order: position in lists, ascending.
        make: constructs one.
        detail: whether something may or must follow the colon.
        placeholder: stands for the detail in lists, such as FILE; empty for none.
        has_one_product: whether it requires a market with one product.
        colour: in charts, "#rrggbb" or "baseline", "agent" or "model"; empty for the next free one.
        dash: of its line in charts; empty for a solid one.
        result_titles: titles of results with another name, by that name.
        suggest: a detail that the page offers for a scenario; None where it offers none.
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
    suggest: Callable[[Scenario], str] | None = None

    @property
    def written(self) -> str:
        """How to name it, as shown in lists, such as "rules:FILE"."""
        return f"{self.name}:{self.placeholder}" if self.placeholder else self.name


POLICIES: Final[Registry[PolicyKind]] = Registry("policy", "phantom_core.market.policies")


def plain_policies() -> tuple[str, ...]:
    """Names of the policies that need no detail, the default selection."""
    return tuple(kind.name for kind in POLICIES.all() if kind.detail != "required")
