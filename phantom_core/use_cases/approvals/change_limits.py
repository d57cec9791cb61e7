"""Change limits: which features must not change a price."""

from collections.abc import Sequence

from phantom_core.approvals.limits import (
    read_banned_features,
    seeded_database,
    set_banned_features,
)
from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import feature_names


def change_banned_features(
    settings: Settings,
    who: str,
    *,
    ban: Sequence[str] = (),
    allow: Sequence[str] = (),
    now_ms: int,
) -> tuple[str, ...]:
    """Ban features from prices, or lift bans; open requests that read one are blocked at once.

    Args:
        settings: name the control database.
        who: an administrator's login.
        ban: names of features.
        allow: names of banned ones.
        now_ms: UTC milliseconds.
    Raises:
        NotAllowedError: not by this person.
        InputError: there is no such feature, or it is not banned.
    """
    before = read_banned_features(settings)
    if unknown := sorted(set(ban) - set(feature_names())):
        raise InputError(
            f"There is no feature '{unknown[0]}'.",
            hint="See the page Features for those there are.",
        )
    if free := sorted(set(allow) - set(before)):
        raise InputError(
            f"The feature '{free[0]}' is not banned.",
            hint=f"Banned are {', '.join(before) or 'none'}.",
        )
    wanted = [name for name in (*before, *ban) if name not in allow]
    return set_banned_features(seeded_database(settings), who, wanted, settings, now_ms=now_ms)
