"""The catalogue: each session feature declared once: meaning, unit, range and definition.

SQL, live sessions, the batched market, the pages and docs/features.md follow from it: a new feature
is one line here and its test.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from phantom_core.core.errors import InputError
from phantom_core.features.terms import (
    Count,
    Distinct,
    EventKind,
    If,
    MostOfOne,
    MostWithin,
    Number,
    PaidIn,
    Says,
    SaysWhich,
    Statistic,
    Term,
    measures_of,
)
from phantom_core.features.user_agent_signs import said_by

Family = Literal["temporal", "behavioural", "product", "user_agent"]
FAMILIES: Final[tuple[Family, ...]] = ("temporal", "behavioural", "product", "user_agent")
PAGE: Final = Path(__file__).parents[2] / "docs" / "features.md"


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the feature matrix.

    Attributes:
        name: the column.
        family: what it is about.
        unit: "s", "events/min", "count", "ratio", "currency", "hour", "yes/no" or "category".
        meaning: one phrase.
        how: definition over the events of a session.
        low: smallest possible value; None where there is none.
        high: largest possible value; None where there is none.
        null_when: when the value is undefined; "never" where it always is defined.
    """

    name: str
    family: Family
    unit: str
    meaning: str
    how: Term
    low: float | None = 0
    high: float | None = None
    null_when: str = "never"


PAGE_VIEWS: Final = EventKind("page_views", ("page_view",))
ITEM_VIEWS: Final = EventKind("item_views", ("view_item_page", "learn_more_about_item"))
CART_ADDS: Final = EventKind("cart_adds", ("add_item_to_cart",))
PURCHASES: Final = EventKind("purchases", ("purchase_complete",))
HOVERS: Final = EventKind("hovers", prefixes=("hover",))
FILTERS: Final = EventKind("filters", ("search",), ("filter",))
FILTERS_AND_SORTS: Final = EventKind("filters_and_sorts", ("search", "sort_change"), ("filter",))

_START_MS: Final = Statistic("MIN", "event_ms")
_DURATION_MS: Final = Statistic("MAX", "event_ms") - _START_MS
_LOWEST_PRICE: Final = Statistic("MIN", "price_seen")
_HIGHEST_PRICE: Final = Statistic("MAX", "price_seen")
_HEADLESS: Final = said_by("headless")
_TOOLS: Final = said_by("tools")
# fmt: off
_OTHER_BROWSERS: Final = (
    "opr/", "opera", "samsungbrowser/", "yabrowser/", "vivaldi/", "ucbrowser/", "silk/", "whale/",
    "ddg/", "duckduckgo/", "seamonkey/", "electron/", "fb_iab/", "phantomjs", "jsdom/",
    "splash version/", "bot/", "bot-", "crawler", "spider", "chatgpt-user/",
)
# fmt: on
_NO_AGENT: Final = "no user agent, or a name alone"
# The last match counts: Edge also names Chrome, Chrome also names Safari, and many name all three.
_BROWSER: Final = SaysWhich(
    "browser",
    ("Chrome", "Firefox", "Safari", "Edge", "Other"),
    (
        ("Safari", ("safari/", " safari ")),
        ("Other", ("android",)),
        ("Chrome", ("chrome/", "crios/", "chromium/", " chrome ")),
        ("Firefox", ("firefox/", "fxios/", " firefox ")),
        ("Edge", ("edg/", "edge/", "edga/", "edgios/", " edge ")),
        ("Other", _OTHER_BROWSERS),
    ),
)


# fmt: off
FEATURES: Final = (
    Feature("session_duration_sec", "temporal", "s", "last minus first event", _DURATION_MS / 1e3),
    Feature("total_interactions", "temporal", "count", "number of events", Count(), low=1),
    Feature("avg_time_between_events", "temporal", "s", "mean gap between consecutive events",
            _DURATION_MS / 1e3 / (Count() - 1), null_when="fewer than two events"),
    Feature("std_time_between_events", "temporal", "s", "standard deviation of the gaps (n − 1)",
            Statistic("STDDEV_SAMP", "gap_ms") / 1e3, null_when="fewer than three events"),
    Feature("min_time_between_events", "temporal", "s", "shortest gap",
            Statistic("MIN", "gap_ms") / 1e3, null_when="fewer than two events"),
    Feature("interaction_velocity", "temporal", "events/min", "events per minute of duration",
            Count() * 6e4 / _DURATION_MS, null_when="duration 0"),
    Feature("max_velocity_5min", "temporal", "count", "most events in any window [t − 300 s, t] "
                                                      "that ends at an event",
            MostWithin(300_000), low=1),
    Feature("session_start_hour", "temporal", "hour", "hour of the first event, UTC",
            _START_MS % 86_400_000 // 3_600_000, high=23),
    Feature("page_views", "behavioural", "count", "events page_view", Count(PAGE_VIEWS)),
    Feature("item_views", "behavioural", "count", "events view_item_page or learn_more_about_item",
            Count(ITEM_VIEWS)),
    Feature("cart_adds", "behavioural", "count", "events add_item_to_cart", Count(CART_ADDS)),
    Feature("purchases", "behavioural", "count", "events purchase_complete", Count(PURCHASES)),
    Feature("hover_events", "behavioural", "count", "events hover_over_*", Count(HOVERS)),
    Feature("filter_events", "behavioural", "count", "events search, filter_for_* and sort_change",
            Count(FILTERS_AND_SORTS)),
    Feature("cart_to_view_ratio", "behavioural", "ratio", "cart_adds / (item_views + 1)",
            Count(CART_ADDS) / (Count(ITEM_VIEWS) + 1)),
    Feature("conversion_rate", "behavioural", "ratio", "purchases / item_views",
            Count(PURCHASES) / Count(ITEM_VIEWS), null_when="no item views"),
    Feature("hover_intensity", "behavioural", "ratio", "hover_events / total_interactions",
            Count(HOVERS) / Count(), high=1),
    Feature("unique_pages_visited", "behavioural", "count", "distinct pages", Distinct("page")),
    Feature("unique_products_viewed", "product", "count", "distinct products in item views",
            Distinct("product_id", ITEM_VIEWS)),
    Feature("product_view_depth", "product", "count", "item views of the most viewed product",
            MostOfOne("product_id", ITEM_VIEWS), low=1, null_when="no product viewed"),
    Feature("avg_price_seen", "product", "currency", "mean of the prices seen, one per event",
            Statistic("AVG", "price_seen"), null_when="no price seen"),
    Feature("min_price_seen", "product", "currency", "lowest price seen",
            _LOWEST_PRICE, null_when="no price seen"),
    Feature("max_price_seen", "product", "currency", "highest price seen",
            _HIGHEST_PRICE, null_when="no price seen"),
    Feature("std_price_seen", "product", "currency", "standard deviation of prices seen (n − 1)",
            Statistic("STDDEV_SAMP", "price_seen"), null_when="fewer than two prices seen"),
    Feature("price_range_explored", "product", "currency", "highest minus lowest price seen",
            _HIGHEST_PRICE - _LOWEST_PRICE, null_when="no price seen"),
    Feature("filter_usage_count", "product", "count", "events search and filter_for_*, without "
                                                      "sorting",
            Count(FILTERS)),
    Feature("is_headless_browser", "user_agent", "yes/no", "first user agent names itself headless",
            Says("headless", _HEADLESS), high=1, null_when=_NO_AGENT),
    Feature("is_automation_tool", "user_agent", "yes/no", "first user agent names a tool, HTTP "
                                                          "library or crawler",
            Says("tool", _TOOLS), high=1, null_when=_NO_AGENT),
    Feature("browser_family", "user_agent", "category", "Chrome, Firefox, Safari, Edge or Other",
            _BROWSER, low=None, null_when="no user agent"),
)
# fmt: on
# Targets: known once a session is over.
OUTCOMES: Final = {
    "purchased": Count(PURCHASES) > 0,
    "total_revenue": If(Count(PURCHASES) > 0, PaidIn(PURCHASES), Number(0.0)),
}
# What has to be measured of a session's events to compute every feature.
MEASURES: Final = measures_of(feature.how for feature in FEATURES)
CATEGORIES: Final = {
    feature.name: feature.how.values for feature in FEATURES if isinstance(feature.how, SaysWhich)
}
BY_NAME: Final = {feature.name: feature for feature in FEATURES}


def feature_names(without: Iterable[str] = ()) -> tuple[str, ...]:
    """Names of the features, in the order of the catalogue.

    Args:
        without: families to leave out.
    Returns:
        Their columns.
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


def write_page(page: Path) -> None:
    """Write the current catalogue to the end of the documentation page."""
    text = page.read_text(encoding="utf-8")
    page.write_text(
        text[: text.index(f"### {FAMILIES[0].capitalize()}")] + catalogue_markdown(),
        encoding="utf-8",
    )


if __name__ == "__main__":
    write_page(PAGE)
