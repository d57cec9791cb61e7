"""Event names: the eighteen canonical ones, and the other names that clients send for them."""

import re
from collections.abc import Mapping
from typing import Final

CANONICAL: Final = (
    "page_view",
    "click",
    "view_item_page",
    "learn_more_about_item",
    "add_item_to_cart",
    "remove_item",
    "checkout_start",
    "purchase_complete",
    "search",
    "filter_for_date",
    "filter_for_amenities",
    "filter_for_price",
    "sort_change",
    "hover_over_title",
    "hover_over_paragraph",
    "hover_over_link",
    "hover_over_button",
    "session_start",
)

ALIASES: Final[Mapping[str, str]] = {
    "product_view": "view_item_page",
    "view_item": "view_item_page",
    "view": "view_item_page",
    "learn_more": "learn_more_about_item",
    "add_to_cart": "add_item_to_cart",
    "add_item": "add_item_to_cart",
    "remove_from_cart": "remove_item",
    "remove": "remove_item",
    "checkout": "checkout_start",
    "purchase": "purchase_complete",
    "checkout_complete": "purchase_complete",
    "filter_date": "filter_for_date",
    "filter_amenities": "filter_for_amenities",
    "filter_price": "filter_for_price",
    "sort": "sort_change",
    "product_hover": "hover_over_title",
}

# A page names its own elements; what is no such name would make any text an event.
_HOVER_OVER: Final = re.compile(r"hover_over_[a-z0-9_]{1,40}")
_HOVER: Final = re.compile(r"hover_[a-z0-9_]{1,40}")
# These name no kind of filter; metadata.type does, and without it a price filter is assumed.
GENERIC_FILTERS: Final = ("filter", "filter_apply")
FILTER_KINDS: Final[Mapping[str, str]] = {
    "date": "filter_for_date",
    "dates": "filter_for_date",
    "amenity": "filter_for_amenities",
    "amenities": "filter_for_amenities",
    "price": "filter_for_price",
}


def canonical_name(name: str, filter_kind: str | None = None) -> str | None:
    """The canonical name of an event.

    Args:
        name: the name a client sent; case, blanks around it, and "-" or " " for "_" do not matter.
        filter_kind: metadata.type of a generic filter event.

    Returns:
        The canonical name (`hover_over_` and up to 40 letters, digits and underscores is
        unchanged), or None for an unknown one.

    >>> canonical_name("Add-To-Cart"), canonical_name("filter_apply", "amenities")
    ('add_item_to_cart', 'filter_for_amenities')
    >>> canonical_name("hover_image")
    'hover_over_image'
    """
    folded = name.strip().lower().replace("-", "_").replace(" ", "_")
    if folded in GENERIC_FILTERS:
        return FILTER_KINDS.get((filter_kind or "").strip().lower(), "filter_for_price")
    if folded in CANONICAL or _HOVER_OVER.fullmatch(folded):
        return folded
    if _HOVER.fullmatch(folded) and folded not in ("hover_over_", "hover_over"):
        return "hover_over_" + folded.removeprefix("hover_")
    return ALIASES.get(folded)
