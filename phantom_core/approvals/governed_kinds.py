"""Governed kinds: the kinds of governed changes, and who may propose and decide on each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from phantom_core.accounts.roles import Permission


@dataclass(frozen=True, slots=True)
class GovernedKind:
    """A kind of governed change.

    Attributes:
        name: as stored, and as shown.
        propose: permission of its author.
        decide: permission of whoever approves or rejects it.
        least_needed: approvals by others that each change of the kind needs, whatever it says.
    """

    name: str
    propose: Permission
    decide: Permission
    least_needed: int = 0


MODEL: Final = GovernedKind("model", Permission.PROPOSE, Permission.APPROVE)
PROMOTION_POLICY: Final = GovernedKind(
    "promotion policy", Permission.PROPOSE, Permission.APPROVE, least_needed=1
)
CATALOGUE: Final = GovernedKind("catalogue", Permission.WORK, Permission.APPROVE)
GLOBAL_PRICES: Final = GovernedKind(
    "global prices", Permission.WORK, Permission.APPROVE, least_needed=1
)
ROLE_GRANT: Final = GovernedKind("role grant", Permission.PEOPLE, Permission.PEOPLE)

GOVERNED_KINDS: Final[Mapping[str, GovernedKind]] = {
    kind.name: kind for kind in (MODEL, PROMOTION_POLICY, CATALOGUE, GLOBAL_PRICES, ROLE_GRANT)
}
