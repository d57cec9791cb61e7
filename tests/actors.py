"""Actors of tests."""

from typing import TYPE_CHECKING, Final

from phantom_core.accounts.roles import Permission

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings


class Operator:
    """May do everything, and act under every login."""

    def __str__(self) -> str:
        return "@shell"

    def require(self, permission: Permission, settings: "Settings | None") -> None:
        """Every permission is granted."""

    def may_act_for(self, login: str) -> bool:
        """Every login."""
        return True

    @property
    def owns_machine(self) -> bool:
        """Every file."""
        return True


OPERATOR: Final = Operator()
