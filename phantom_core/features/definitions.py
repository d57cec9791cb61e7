"""Definitions: whether session features are computed as when a model was trained.

Only the columns that a model reads matter: a new feature changes nothing for it, a changed
definition makes it unusable.
"""

import hashlib
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Final

from phantom_core.features.catalogue import BY_NAME
from phantom_core.features.relations import definition

# Models saved before features were declared stored one hash of all SQL files; these are the digests
# of the features of that time.
_FIRST_HASH: Final = "51e40a3221f521973bfd89efac83cef230fd95dfbc10933bb5d3cc038a73041e"
_FIRST_DIGESTS: Final = """
session_duration_sec:015b74bc total_interactions:792441f9 avg_time_between_events:7a74ada6
std_time_between_events:0de958a6 min_time_between_events:6f2ab9f6 interaction_velocity:b1cd9b34
max_velocity_5min:8ce8038f session_start_hour:e9e4bf51 page_views:40500e66 item_views:9ad73f01
cart_adds:535f2b80 purchases:dfbe0b11 hover_events:11a605ec filter_events:1cc913b7
cart_to_view_ratio:9502c669 conversion_rate:f47ed4b4 hover_intensity:4a290e5a
unique_pages_visited:f5976325 unique_products_viewed:b46b3dfc product_view_depth:daedfbba
avg_price_seen:9c2c0cf2 min_price_seen:85fbab89 max_price_seen:9c986aff std_price_seen:5ad1e678
price_range_explored:1aff9abc filter_usage_count:006c8674 is_headless_browser:1b891160
is_automation_tool:7a5f7be3 browser_family:9f49327e
"""
_FIRST: Final = dict(pair.split(":") for pair in _FIRST_DIGESTS.split())


def definition_hash(columns: Iterable[str]) -> str:
    """SHA-256 over the definitions of columns; other columns than session features by name."""
    return _hash(_definition(column) for column in columns)


def is_defined_alike(saved_hash: str, columns: Iterable[str]) -> bool:
    """Whether columns mean what they meant when their hash was saved.

    Args:
        saved_hash: of a manifest.
        columns: what its model reads.
    """
    names = tuple(columns)
    former = [_former().get(column) or _definition(column) for column in names]
    if saved_hash == _FIRST_HASH:
        return all(
            _FIRST[column] == _hash([text])[:8]
            for column, text in zip(names, former, strict=True)
            if column in _FIRST
        )
    return saved_hash in (definition_hash(names), _hash(former))


@cache
def _former() -> dict[str, str]:
    """Definitions that meant the same, by column: the file of user agents has grown since."""
    path = files("phantom_core.features").joinpath("former_definitions.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _hash(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _definition(column: str) -> str:
    return definition(column) if column in BY_NAME else column
