"""Names: the Redis keys and the channel of published content."""

import re
from typing import Final

from phantom_core.core.errors import InputError

LIVE: Final = "rules:live"
EXPERIMENTS: Final = "experiments:live"
PRICES: Final = "prices:latest"
ELASTICITIES: Final = "elasticity:latest"
STATEMENT: Final = "phantom:statement"
CHANNEL: Final = "phantom:announcements"
SESSION_FEATURES: Final = "session_features:"
FEATURES_MARK: Final = "phantom:worker:"
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")


def release_key(version: str) -> str:
    """Key of the rules of one version.

    >>> release_key("bands-7-1a2b3c4d")
    'rules:bands-7-1a2b3c4d'
    """
    return f"rules:{version}"


def check_version(version: str) -> None:
    """Reject an invalid name of a version.

    Raises:
        InputError: invalid characters, too long, or `live`, whose key is reserved.
    """
    if version == "live" or not _VERSION.fullmatch(version):
        raise InputError(
            f"'{version}' cannot name a version.",
            hint="Use up to 128 letters, digits, dots, hyphens, plus signs and underscores, first "
            "a letter or a digit; 'live' is reserved.",
        )
