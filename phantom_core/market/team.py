"""Team: a kind of policy trained several times."""

from dataclasses import dataclass

from phantom_core.market.policy import Policy


@dataclass(frozen=True, slots=True)
class Team:
    """The same training with different seeds.

    Attributes:
        name: label in results.
        members: the trained policies, at least one.
    """

    name: str
    members: tuple[Policy, ...]
