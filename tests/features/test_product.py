"""The product family, checked by hand."""

import pytest

from tests.features.events import event, features

LOOKING = (
    event(0, "view_item_page", product_id="a", price_seen=10.0),
    event(1, "learn_more_about_item", product_id="a", price_seen=12.0),
    event(2, "view_item_page", product_id="b", price_seen=20.0),
    event(3, "hover_over_title", product_id="c"),
    event(4, "add_item_to_cart", product_id="b", price_seen=18.0),
    event(5, "search"),
    event(6, "filter_for_date"),
    event(7, "sort_change"),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("unique_products_viewed", 2),
        ("product_view_depth", 2),
        ("avg_price_seen", 15.0),
        ("min_price_seen", 10.0),
        ("max_price_seen", 20.0),
        ("std_price_seen", (68 / 3) ** 0.5),  # deviations -5, -3, 5, 3
        ("price_range_explored", 10.0),
        ("filter_usage_count", 2),  # sorting is no filter
    ],
)
def test_a_look_around_counts_as(name: str, value: float) -> None:
    assert features(*LOOKING)[name] == pytest.approx(value)


def test_without_item_views_there_is_no_depth() -> None:
    row = features(event(0, "add_item_to_cart", product_id="a"))
    assert (row["unique_products_viewed"], row["product_view_depth"]) == (0, None)


def test_item_views_without_a_product_view_none() -> None:
    row = features(event(0, "view_item_page"), event(1, "view_item_page"))
    assert (row["item_views"], row["unique_products_viewed"], row["product_view_depth"]) == (
        2,
        0,
        None,
    )


def test_without_a_price_seen_prices_are_undefined() -> None:
    row = features(event(0, "view_item_page", product_id="a"))
    names = (
        "avg_price_seen",
        "min_price_seen",
        "max_price_seen",
        "std_price_seen",
        "price_range_explored",
    )
    assert [row[name] for name in names] == [None] * 5


def test_one_price_has_a_range_but_no_spread() -> None:
    row = features(event(0, "view_item_page", price_seen=9.0))
    assert (row["price_range_explored"], row["std_price_seen"]) == (0.0, None)


def test_prices_of_purchases_are_seen_too() -> None:
    assert (
        features(event(0, "purchase_complete", price_seen=9.0, amount_paid=18.0))["avg_price_seen"]
        == 9.0
    )
