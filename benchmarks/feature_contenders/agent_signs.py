"""What user agents say about themselves, for contenders without the SQL: the declared tokens as
patterns.
"""

import re
from collections.abc import Iterable
from typing import Final

from phantom_core.features.catalogue import FEATURES
from phantom_core.features.terms import Says, SaysWhich


def _pattern(tokens: Iterable[str]) -> str:
    return "|".join(map(re.escape, tokens))


HEADLESS, TOOL = (
    _pattern(feature.how.tokens) for feature in FEATURES if isinstance(feature.how, Says)
)
# The first one found counts.
FAMILIES: Final = [
    (says, _pattern(tokens))
    for feature in FEATURES
    if isinstance(feature.how, SaysWhich)
    for says, tokens in reversed(feature.how.signs)
]
