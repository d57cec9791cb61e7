"""Every name a client may send has one meaning."""

import pytest

from phantom_core.events.vocabulary import ALIASES, CANONICAL, canonical_name

# Variants of names, as clients were observed to send them.
SEEN = {
    "view_item_page": ["product_view", "view_item", "view"],
    "learn_more_about_item": ["learn_more"],
    "add_item_to_cart": ["add_to_cart", "add_item"],
    "remove_item": ["remove_from_cart", "remove"],
    "checkout_start": ["checkout"],
    "purchase_complete": ["purchase", "checkout_complete"],
    "filter_for_date": ["filter_date"],
    "filter_for_price": ["filter_price", "filter", "filter_apply"],
    "sort_change": ["sort"],
    "hover_over_title": ["product_hover", "hover_title"],
    "hover_over_paragraph": ["hover_paragraph"],
    "hover_over_link": ["hover_link"],
    "hover_over_button": ["hover_button"],
}


@pytest.mark.parametrize(("canonical", "sent"), SEEN.items())
def test_variants_have_their_canonical_name(canonical: str, sent: list[str]) -> None:
    assert {canonical_name(name) for name in [canonical, *sent]} == {canonical}


def test_there_are_seventeen_names_and_click() -> None:
    assert len(CANONICAL) == len(set(CANONICAL)) == 18
    assert set(ALIASES.values()) <= set(CANONICAL)


@pytest.mark.parametrize(
    ("kind", "canonical"),
    [
        ("date", "filter_for_date"),
        ("amenities", "filter_for_amenities"),
        ("price", "filter_for_price"),
    ],
)
def test_a_generic_filter_is_named_by_its_kind(kind: str, canonical: str) -> None:
    assert canonical_name("filter_apply", kind) == canonical


def test_any_other_hover_is_kept_and_unknown_names_are_not() -> None:
    assert canonical_name("hover_over_map") == "hover_over_map"
    assert [canonical_name(name) for name in ("", "hover_over_", "teleport")] == [None, None, None]
