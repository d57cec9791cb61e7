"""Owner: the user of this machine, who reads and works in a workspace of theirs from Python."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from phantom_core.accounts.actors import Internal, acting_as, is_anyone_acting
from phantom_core.accounts.permissions import needs_no_permission

P = ParamSpec("P")
R = TypeVar("R")


@needs_no_permission
def as_owner(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function as the machine's user, with the permissions of a shell, unless somebody is
    acting already.
    """

    @wraps(function)
    def owned(*args: P.args, **kwargs: P.kwargs) -> R:
        if is_anyone_acting():
            return function(*args, **kwargs)
        with acting_as(Internal.SHELL):
            return function(*args, **kwargs)

    return owned
