"""Actors: who acts in this thread or task: an account, a guest, or PHANTOM itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import NotAllowedError, NotSignedInError

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings


class Actor(Protocol):
    """Somebody, or something, that acts."""

    def require(self, permission: Permission, settings: "Settings | None") -> None:
        """Require a permission of this actor.

        Args:
            permission: that an action needs.
            settings: name the control database whose roles count; None where there is none.
        Raises:
            NotSignedInError, NotAllowedError: this actor lacks it.
        """

    def may_act_for(self, login: str) -> bool:
        """Whether an action of this actor may be recorded under a login."""

    @property
    def owns_machine(self) -> bool:
        """Whether this is the machine's user, who may name every file that they may open."""


class Internal(StrEnum):
    """A part of PHANTOM that acts by itself; its value is what is stored as the actor.

    Whether something is internal is decided by this type alone: no login begins with @, and a text
    that reads the same is no member.
    """

    SHELL = "@shell"
    """The command line and the Python API, of the user who owns the workspace's files."""
    WORKER = "@worker"
    """A job that no account started."""
    SCHEDULE = "@schedule"
    """The schedule of retrainings and checks of the traffic."""
    WATCHER = "@watcher"
    """What publishes and expires as approved, and stops what harms."""

    def require(self, permission: Permission, settings: "Settings | None" = None) -> None:
        """Require a permission of this part; see `Actor`."""
        if permission not in INTERNAL_PERMISSIONS[self]:
            raise NotSignedInError(
                f"To {permission}, an account is needed.",
                hint="Name it with --as, or in PHANTOM_USER." if self is Internal.SHELL else "",
            )

    def may_act_for(self, login: str) -> bool:
        """Itself; the watcher also carries out what accounts have scheduled."""
        return login == self.value or self is Internal.WATCHER

    @property
    def owns_machine(self) -> bool:
        """The shell alone."""
        return self is Internal.SHELL


INTERNAL_PERMISSIONS: Final = {
    Internal.SHELL: frozenset({Permission.READ, Permission.WORK, Permission.PRIVACY}),
    Internal.WORKER: frozenset({Permission.READ, Permission.WORK}),
    Internal.SCHEDULE: frozenset({Permission.READ, Permission.WORK}),
    Internal.WATCHER: frozenset(
        {Permission.READ, Permission.WORK, Permission.PUBLISH, Permission.KILL}
    ),
}


def is_internal(stored: str) -> bool:
    """Whether a stored actor is a part of PHANTOM, a guest, or of the time before accounts."""
    return stored == "" or stored.startswith("@")


@dataclass(frozen=True, slots=True)
class Acting:
    """The actor of the current thread or task.

    Attributes:
        actor: who acts.
        settings: name the control database of the actor's role; None for internal actors.
    """

    actor: Actor
    settings: "Settings | None"


_ACTING: Final[ContextVar[Acting | None]] = ContextVar("phantom_acting", default=None)


def current_acting() -> Acting:
    """The actor of this thread or task.

    Raises:
        NotSignedInError: there is none, so nothing is allowed.
    """
    found = _ACTING.get()
    if found is None:
        raise NotSignedInError("Nobody is signed in.", hint="Sign in first.")
    return found


def is_anyone_acting() -> bool:
    """Whether there is an actor in this thread or task."""
    return _ACTING.get() is not None


@contextmanager
def acting_as(actor: Actor | None, settings: "Settings | None" = None) -> Iterator[None]:
    """Act as somebody within this block; None means that nothing is allowed.

    Args:
        actor: who acts.
        settings: name the control database of the actor's role; may be None for internal actors.
    """
    token = _ACTING.set(Acting(actor, settings) if actor else None)
    try:
        yield
    finally:
        _ACTING.reset(token)


def become(actor: Actor, settings: "Settings | None" = None) -> None:
    """Act as somebody from now on, until the surrounding `acting_as` ends."""
    _ACTING.set(Acting(actor, settings))


def require_name(login: str) -> None:
    """Require that the current actor may act under a login; without an actor, nothing is checked.

    Raises:
        NotAllowedError: the actor is somebody else.
    """
    found = _ACTING.get()
    if found is not None and not found.actor.may_act_for(login):
        raise NotAllowedError(
            f"{found.actor} may not act in the name of {login or 'nobody'}.",
            hint="Sign in with that account.",
        )
