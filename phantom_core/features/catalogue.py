"""The catalogue: what each of the 29 session features means, in which unit and range, and when it
is undefined.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from phantom_core.core.errors import InputError

Family = Literal["temporal", "behavioural", "product", "user_agent"]
FAMILIES: Final[tuple[Family, ...]] = ("temporal", "behavioural", "product", "user_agent")


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the feature matrix.

    Attributes:
        name: the column.
        family: the SQL file that computes it.
        unit: "s", "events/min", "count", "ratio", "currency", "hour", "yes/no" or "category".
        low: smallest possible value; None where there is none.
        high: largest possible value; None where there is none.
        null_when: when the value is undefined; "never" where it always is defined.
        meaning: one phrase.
    """

    name: str
    family: Family
    unit: str
    low: float | None
    high: float | None
    null_when: str
    meaning: str


FEATURES: Final = (
    Feature("session_duration_sec", "temporal", "s", 0, None, "never", "last minus first event"),
    Feature("total_interactions", "temporal", "count", 1, None, "never", "number of events"),
    Feature(
        "avg_time_between_events",
        "temporal",
        "s",
        0,
        None,
        "fewer than two events",
        "mean gap between consecutive events",
    ),
    Feature(
        "std_time_between_events",
        "temporal",
        "s",
        0,
        None,
        "fewer than three events",
        "standard deviation of the gaps (n − 1)",
    ),
    Feature(
        "min_time_between_events", "temporal", "s", 0, None, "fewer than two events", "shortest gap"
    ),
    Feature(
        "interaction_velocity",
        "temporal",
        "events/min",
        0,
        None,
        "duration 0",
        "events per minute of duration",
    ),
    Feature(
        "max_velocity_5min",
        "temporal",
        "count",
        1,
        None,
        "never",
        "most events in any window [t − 300 s, t] that ends at an event",
    ),
    Feature(
        "session_start_hour", "temporal", "hour", 0, 23, "never", "hour of the first event, UTC"
    ),
    Feature("page_views", "behavioural", "count", 0, None, "never", "events page_view"),
    Feature(
        "item_views",
        "behavioural",
        "count",
        0,
        None,
        "never",
        "events view_item_page or learn_more_about_item",
    ),
    Feature("cart_adds", "behavioural", "count", 0, None, "never", "events add_item_to_cart"),
    Feature("purchases", "behavioural", "count", 0, None, "never", "events purchase_complete"),
    Feature("hover_events", "behavioural", "count", 0, None, "never", "events hover_over_*"),
    Feature(
        "filter_events",
        "behavioural",
        "count",
        0,
        None,
        "never",
        "events search, filter_for_* and sort_change",
    ),
    Feature(
        "cart_to_view_ratio",
        "behavioural",
        "ratio",
        0,
        None,
        "never",
        "cart_adds / (item_views + 1)",
    ),
    Feature(
        "conversion_rate",
        "behavioural",
        "ratio",
        0,
        None,
        "no item views",
        "purchases / item_views",
    ),
    Feature(
        "hover_intensity",
        "behavioural",
        "ratio",
        0,
        1,
        "never",
        "hover_events / total_interactions",
    ),
    Feature("unique_pages_visited", "behavioural", "count", 0, None, "never", "distinct pages"),
    Feature(
        "unique_products_viewed",
        "product",
        "count",
        0,
        None,
        "never",
        "distinct products in item views",
    ),
    Feature(
        "product_view_depth",
        "product",
        "count",
        1,
        None,
        "no product viewed",
        "item views of the most viewed product",
    ),
    Feature(
        "avg_price_seen",
        "product",
        "currency",
        0,
        None,
        "no price seen",
        "mean of the prices seen, one per event",
    ),
    Feature("min_price_seen", "product", "currency", 0, None, "no price seen", "lowest price seen"),
    Feature(
        "max_price_seen", "product", "currency", 0, None, "no price seen", "highest price seen"
    ),
    Feature(
        "std_price_seen",
        "product",
        "currency",
        0,
        None,
        "fewer than two prices seen",
        "standard deviation of prices seen (n − 1)",
    ),
    Feature(
        "price_range_explored",
        "product",
        "currency",
        0,
        None,
        "no price seen",
        "highest minus lowest price seen",
    ),
    Feature(
        "filter_usage_count",
        "product",
        "count",
        0,
        None,
        "never",
        "events search and filter_for_*, without sorting",
    ),
    Feature(
        "is_headless_browser",
        "user_agent",
        "yes/no",
        0,
        1,
        "no user agent",
        "first user agent names itself headless",
    ),
    Feature(
        "is_automation_tool",
        "user_agent",
        "yes/no",
        0,
        1,
        "no user agent",
        "first user agent names a tool, HTTP library or crawler",
    ),
    Feature(
        "browser_family",
        "user_agent",
        "category",
        None,
        None,
        "no user agent",
        "Chrome, Firefox, Safari, Edge or Other",
    ),
)
BY_NAME: Final = {feature.name: feature for feature in FEATURES}


def feature_names(without: Iterable[str] = ()) -> tuple[str, ...]:
    """Names of the features, in the order of the catalogue.

    Args:
        without: families to leave out.
    Returns:
        Up to 29 column names.
    Raises:
        InputError: a family that does not exist.

    >>> feature_names(without=("temporal", "behavioural", "product"))
    ('is_headless_browser', 'is_automation_tool', 'browser_family')
    """
    unwanted = set(without)
    if unknown := sorted(unwanted.difference(FAMILIES)):
        raise InputError(
            f"There is no feature family '{unknown[0]}'.", hint=f"There are {', '.join(FAMILIES)}."
        )
    return tuple(feature.name for feature in FEATURES if feature.family not in unwanted)


def catalogue_markdown() -> str:
    """The catalogue as Markdown, one table per family."""
    sections = []
    for family in FAMILIES:
        rows = [feature for feature in FEATURES if feature.family == family]
        lines = [
            f"| `{row.name}` | {row.meaning} | {row.unit} | {_range(row)} | {row.null_when} |"
            for row in rows
        ]
        title = family.replace("_", "-").capitalize()
        header = (
            f"### {title} ({len(rows)})\n| feature | meaning | unit | range | NULL when "
            "|\n|---|---|---|---|---|\n"
        )
        sections.append(header + "\n".join(lines) + "\n")
    return "\n".join(sections)


def _range(feature: Feature) -> str:
    if feature.low is None:
        return ""
    return (
        f"{feature.low:g} to {feature.high:g}"
        if feature.high is not None
        else f"from {feature.low:g}"
    )


if __name__ == "__main__":
    print(catalogue_markdown(), end="")
