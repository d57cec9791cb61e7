"""What user agents say about themselves, for contenders without the SQL: the list of
sql/user_agent.sql as patterns.
"""

import re
from typing import Final

from phantom_core.features.aggregate import feature_sql

_SIGNS: Final = [
    (token, says, int(rank))
    for token, says, rank in re.findall(
        r"\('([^']+)', '([^']+)', (\d)\)", feature_sql("user_agent")
    )
]


def _pattern(says: str, rank: int | None = None) -> str:
    return "|".join(
        re.escape(token) for token, said, at in _SIGNS if said == says and rank in (None, at)
    )


HEADLESS: Final = _pattern("headless")
TOOL: Final = _pattern("tool")
# The first one found counts.
_RANKED: Final = sorted({(rank, says) for _, says, rank in _SIGNS if rank}, reverse=True)
FAMILIES: Final = [(says, _pattern(says, rank)) for rank, says in _RANKED]
