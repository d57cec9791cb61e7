"""Account actors: accounts and guests, whose permissions are read again twice a second."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from phantom_core.accounts.actors import Actor, Internal, is_internal
from phantom_core.accounts.people import has_accounts, require_permission
from phantom_core.accounts.remembered_grants import is_remembered, remember
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import NotAllowedError, NotSignedInError
from phantom_core.database.connection import control_of

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings

_GUEST: Final = ""


@dataclass(frozen=True, slots=True)
class Account:
    """The person of an account, whose role is read from the control database at every action.

    Attributes:
        login: of the account.
        owns_machine: whether a command of the machine's user acts as this account, so that paths
            are theirs; no account does in the app, whatever its role.
    """

    login: str
    owns_machine: bool = False

    def __str__(self) -> str:
        return self.login

    def require(self, permission: Permission, settings: "Settings | None") -> None:
        """Require a permission of the account's current role; see `Actor`."""
        _require_of_account(self.login, permission, settings)

    def may_act_for(self, login: str) -> bool:
        """Itself alone."""
        return login == self.login


@dataclass(frozen=True, slots=True)
class Guest:
    """Whoever uses the app on this machine while the installation has no accounts."""

    def __str__(self) -> str:
        return "@guest"

    def require(self, permission: Permission, settings: "Settings | None") -> None:
        """Require a permission of guests, who have none once there are accounts; see `Actor`."""
        _require_of_guest(permission, settings)

    def may_act_for(self, login: str) -> bool:
        """Nobody: what is recorded under a login needs an account."""
        return False

    @property
    def owns_machine(self) -> bool:
        """A web page on this machine may be the guest, so no."""
        return False


GUEST: Final = Guest()
GUEST_PERMISSIONS: Final = frozenset({Permission.READ, Permission.WORK})


def actor_of_job(stored: str) -> Actor:
    """The actor in whose name a stored job runs: its account, or no more than a worker."""
    return Internal.WORKER if is_internal(stored) else Account(stored)


def _require_of_account(login: str, permission: Permission, settings: "Settings | None") -> None:
    """Require a permission of an account's current role.

    Raises:
        NotAllowedError: unknown, deactivated, or of a role without it.
    """
    if settings is None:
        raise NotAllowedError("There is no installation to read the account from.")
    key = (settings.database_url, str(settings.workspace), login, permission)
    if is_remembered(key):
        return
    with control_of(settings.database_url, settings.workspace).connect() as connection:
        require_permission(connection, login, permission)
    remember(key)


def _require_of_guest(permission: Permission, settings: "Settings | None") -> None:
    """Require a permission of a guest, who has some only while there are no accounts.

    Raises:
        NotSignedInError: guests have no such permission.
    """
    if settings is not None and permission in GUEST_PERMISSIONS:
        key = (settings.database_url, str(settings.workspace), _GUEST, permission)
        if is_remembered(key):
            return
        with control_of(settings.database_url, settings.workspace).connect() as connection:
            is_open = not has_accounts(connection)
        if is_open:
            remember(key)
            return
    raise NotSignedInError(f"Sign in to {permission}.")
