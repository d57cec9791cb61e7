"""Change limits: which features must not change a price."""

from collections.abc import Sequence

from phantom_core.accounts.permissions import needs_no_permission
from phantom_core.core.errors import InputError
from phantom_core.features.catalogue import feature_names


@needs_no_permission
def change_bans(
    before: Sequence[str], *, ban: Sequence[str] = (), allow: Sequence[str] = ()
) -> tuple[str, ...]:
    """The banned features after a change, for `approvals.limits.set_banned_features`.

    Args:
        before: banned now.
        ban: names of features.
        allow: names of banned ones.
    Raises:
        InputError: there is no such feature, or it is not banned.

    >>> change_bans(["browser_family"], ban=["item_views"], allow=["browser_family"])
    ('item_views',)
    """
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
    return tuple(dict.fromkeys(name for name in (*before, *ban) if name not in allow))
