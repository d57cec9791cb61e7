"""Team: a kind of policy that was trained several times."""

from dataclasses import dataclass

from phantom_core.market.policy import Policy


@dataclass(frozen=True, slots=True)
class Team:
    """The same training with different seeds.

    Attributes:
        name: how results call it.
        members: the trained policies, at least one.
    """

    name: str
    members: tuple[Policy, ...]
