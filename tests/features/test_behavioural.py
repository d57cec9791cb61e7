"""The behavioural family, checked by hand."""

import pytest

from tests.features.events import event, features

SHOPPING = (
    event(0, "page_view", page="/"),
    event(1, "search", page="/list"),
    event(2, "filter_for_price", page="/list"),
    event(3, "sort_change", page="/list"),
    event(4, "hover_over_title", page="/list"),
    event(5, "view_item_page", page="/item"),
    event(6, "learn_more_about_item", page="/item"),
    event(7, "add_item_to_cart", page="/item"),
    event(8, "page_view", page="/cart"),
    event(9, "purchase_complete", page=None),
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page_views", 2),
        ("item_views", 2),
        ("cart_adds", 1),
        ("purchases", 1),
        ("hover_events", 1),
        ("filter_events", 3),
        ("cart_to_view_ratio", 1 / 3),
        ("conversion_rate", 1 / 2),
        ("hover_intensity", 1 / 10),
        ("unique_pages_visited", 4),
    ],
)
def test_a_shopping_trip_counts_as(name: str, value: float) -> None:
    assert features(*SHOPPING)[name] == value


@pytest.mark.parametrize(
    "name",
    [
        "hover_over_title",
        "hover_over_paragraph",
        "hover_over_link",
        "hover_over_button",
        "hover_over_image",
    ],
)
def test_every_hover_counts(name: str) -> None:
    assert features(event(0, name))["hover_events"] == 1


@pytest.mark.parametrize(
    "name", ["search", "filter_for_date", "filter_for_amenities", "filter_for_price", "sort_change"]
)
def test_every_filter_counts(name: str) -> None:
    assert features(event(0, name))["filter_events"] == 1


def test_conversion_is_undefined_without_item_views() -> None:
    row = features(event(0, "purchase_complete"))
    assert (row["conversion_rate"], row["cart_to_view_ratio"]) == (None, 0.0)


def test_events_without_a_page_visit_none() -> None:
    assert features(event(0), event(1))["unique_pages_visited"] == 0
