"""Roles: sets of permissions."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """The role of an account."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    MANAGER = "pricing manager"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """An action that needs a role; the value completes 'may …'."""

    READ = "look at everything"
    WORK = "load data, train models and write rules"
    PROPOSE = "propose changes"
    APPROVE = "approve changes"
    PUBLISH = "publish and roll back"
    KILL = "use the kill switch"
    PEOPLE = "manage people"
    LIMITS = "change guard rails"
    PRIVACY = "export and erase personal data"


PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.VIEWER: frozenset({Permission.READ}),
    Role.ANALYST: frozenset({Permission.READ, Permission.WORK, Permission.PROPOSE}),
    Role.MANAGER: frozenset(
        {
            Permission.READ,
            Permission.WORK,
            Permission.PROPOSE,
            Permission.APPROVE,
            Permission.PUBLISH,
            Permission.KILL,
        }
    ),
    Role.ADMINISTRATOR: frozenset(
        {
            Permission.READ,
            Permission.WORK,
            Permission.KILL,
            Permission.PEOPLE,
            Permission.LIMITS,
            Permission.PRIVACY,
        }
    ),
}


def roles_with(permission: Permission) -> str:
    """Roles with a permission, in words.

    >>> roles_with(Permission.APPROVE)
    'a pricing manager'
    """
    found = [role.value for role in Role if permission in PERMISSIONS[role]]
    return " or ".join(f"{'an' if role[0] in 'aeiou' else 'a'} {role}" for role in found)
