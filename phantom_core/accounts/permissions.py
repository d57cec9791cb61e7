"""Permissions: every public function of use cases and views says which one it needs.

Without an actor, or with one whose current role lacks the permission, such a function does nothing
but raise. The registry of what needs what fills docs/permissions.md and the tests of every role.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from phantom_core.accounts.actors import current_acting, require_name
from phantom_core.accounts.roles import Permission

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings

_SETTINGS: Final = "settings"
_WHO: Final = "who"
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Action:
    """A function that needs a permission, or none.

    Attributes:
        module: of the function.
        name: of the function.
        permission: that the actor must have; None where it computes from its arguments alone.
        about: first line of its docstring.
    """

    module: str
    name: str
    permission: Permission | None
    about: str


ACTIONS: Final[dict[str, Action]] = {}


def requires(permission: Permission) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Have a function check, at every call, that the current actor has a permission.

    Where the function takes `settings`, roles are read from their control database, else from that
    of the actor. Where it takes `who`, the actor must be allowed to act under that login.

    Args:
        permission: that the actor must have.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        _register(function, permission)
        names = list(inspect.signature(function).parameters)
        settings_at, who_at = _position(names, _SETTINGS), _position(names, _WHO)

        @wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            acting = current_acting()
            given = _argument(args, kwargs, settings_at, _SETTINGS)
            settings: Settings | None = given or acting.settings  # type: ignore[assignment]
            acting.actor.require(permission, settings)
            if who_at is not None and (_WHO in kwargs or who_at < len(args)):
                require_name(str(_argument(args, kwargs, who_at, _WHO)))
            return function(*args, **kwargs)

        return checked

    return decorate


def needs_no_permission(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a function that computes from its arguments alone: it reads and changes nothing."""
    _register(function, None)
    return function


def _register(function: Callable[P, R], permission: Permission | None) -> None:
    about = (inspect.getdoc(function) or "").partition("\n")[0]
    action = Action(function.__module__, function.__name__, permission, about)
    ACTIONS[f"{action.module}.{action.name}"] = action


def _position(names: list[str], wanted: str) -> int | None:
    return names.index(wanted) if wanted in names else None


def _argument(
    args: tuple[object, ...], kwargs: dict[str, object], position: int | None, name: str
) -> object | None:
    if position is None:
        return None
    return kwargs[name] if name in kwargs else args[position] if position < len(args) else None
