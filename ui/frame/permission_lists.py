"""Permission lists: who may do what, from the registry of actions, for docs/permissions.md."""

import importlib
import pkgutil

from phantom_core import use_cases, views
from phantom_core.accounts.account_actors import GUEST_PERMISSIONS
from phantom_core.accounts.actors import INTERNAL_PERMISSIONS
from phantom_core.accounts.permissions import ACTIONS
from phantom_core.accounts.roles import PERMISSIONS, Permission, Role
from phantom_core.views.workspace.extensions import ExtensionList


def permission_lists() -> tuple[ExtensionList, ...]:
    """Permissions by role and internal actor, and actions by permission."""
    return _roles(), _internals(), _actions()


def _roles() -> ExtensionList:
    rows = tuple(
        (
            f"may {permission.value}",
            _yes(permission in GUEST_PERMISSIONS),
            *(_yes(permission in PERMISSIONS[role]) for role in Role),
        )
        for permission in Permission
    )
    return ExtensionList("roles", ("permission", "guest", *(role.value for role in Role)), rows)


def _internals() -> ExtensionList:
    rows = tuple(
        (f"`{actor.value}`", ", ".join(one.value for one in Permission if one in allowed))
        for actor, allowed in INTERNAL_PERMISSIONS.items()
    )
    return ExtensionList("internal actors", ("actor", "may"), rows)


def _actions() -> ExtensionList:
    for package in (use_cases, views):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(info.name)
    found = (
        (
            one.module.removeprefix("phantom_core."),
            f"`{one.name}`",
            one.permission.value if one.permission else "–",
        )
        for one in ACTIONS.values()
        if one.module.startswith((use_cases.__name__, views.__name__))
    )
    return ExtensionList("actions", ("module", "action", "needs: may"), tuple(sorted(found)))


def _yes(holds: bool) -> str:
    return "yes" if holds else "–"
