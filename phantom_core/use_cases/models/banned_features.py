"""Banned features: what prices may not depend on, also not through a model."""

from collections.abc import Iterable

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.limits import read_banned_features
from phantom_core.core.settings import Settings


@requires(Permission.READ)
def banned_features(settings: Settings) -> tuple[str, ...]:
    """Features that prices may not depend on in this shop."""
    return read_banned_features(settings)


@requires(Permission.READ)
def banned_in(settings: Settings, features: Iterable[str]) -> tuple[str, ...]:
    """Those of some features that are banned, in order."""
    banned = frozenset(banned_features(settings))
    return tuple(name for name in features if name in banned)
