"""The outcomes, checked by hand."""

from tests.features.events import event, features


def test_a_purchase_is_a_purchase() -> None:
    row = features(
        event(0, "purchase_complete", amount_paid=10.0),
        event(1, "purchase_complete", amount_paid=2.5),
    )
    assert (row["purchased"], row["total_revenue"]) == (True, 12.5)


def test_without_a_purchase_revenue_is_zero() -> None:
    row = features(event(0, "add_item_to_cart", amount_paid=10.0))
    assert (row["purchased"], row["total_revenue"]) == (False, 0.0)


def test_the_revenue_of_a_purchase_at_an_unknown_price_is_unknown() -> None:
    row = features(event(0, "purchase_complete"))
    assert (row["purchased"], row["total_revenue"]) == (True, None)
