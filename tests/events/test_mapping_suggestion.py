"""Columns are guessed from their names and values."""

import pyarrow as pa
import pytest

from phantom_core.events.mapping_suggestion import _MEANINGS, suggest_event_name, suggest_mapping
from phantom_core.events.vocabulary import CANONICAL


def sample(**columns: list[str | None]) -> pa.Table:
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def test_plain_names_are_recognised() -> None:
    found = suggest_mapping(
        sample(
            session_id=["a", "a"],
            timestamp=["2026-03-01", "2026-03-02"],
            event=["view", "purchase"],
            price=["1", "2"],
        )
    )
    assert found.columns == {"session_id": "session_id", "ts": "timestamp", "event_name": "event"}
    assert (found.kind, found.metadata, found.missing) == ("events", {"price": "price"}, ())


def test_a_shop_export_is_recognised() -> None:
    found = suggest_mapping(
        sample(
            event_time=["2019-10-01 00:00:00 UTC"] * 3,
            event_type=["view", "cart", "view"],
            product_id=["4460", "39", "39"],
            price=["35.79", "33.2", "33.2"],
            user_session=["72d7", "9333", "9333"],
        )
    )
    assert found.columns == {
        "session_id": "user_session",
        "ts": "event_time",
        "event_name": "event_type",
        "product_id": "product_id",
    }


def test_values_that_cannot_be_rule_a_column_out() -> None:
    found = suggest_mapping(
        sample(
            session=["a", "a"],
            time=["morning", "evening"],
            created_at=["1772366400", "1772366401"],
            event=["view", "view"],
        )
    )
    assert found.columns["ts"] == "created_at"


def test_numbers_are_no_event_names() -> None:
    found = suggest_mapping(
        sample(session=["a", "a"], ts=["1772366400", "1772366401"], type=["1", "2"])
    )
    assert found.missing == ("event_name",)


def test_values_make_up_for_names_that_say_nothing() -> None:
    found = suggest_mapping(
        sample(
            VisitNo=["v1", "v1", "v2"],
            moment=["2026-03-01 12:00:00", "2026-03-01 12:00:05", "2026-03-02 09:00:00"],
            did=["ProductView", "OrderPlaced", "ProductView"],
            client=["Mozilla/5.0 (X11)", "curl/8.5", "Mozilla/5.0 (Mac)"],
        )
    )
    assert found.columns == {
        "session_id": "VisitNo",
        "ts": "moment",
        "event_name": "did",
        "user_agent": "client",
    }


def test_prices_of_products_without_event_names_are_quotes() -> None:
    found = suggest_mapping(
        sample(
            sessionId=["a"],
            ts=["2026-03-01"],
            productId=["p"],
            price=["9.5"],
            base_price=["10"],
            propensity=["0.5"],
        )
    )
    assert (found.kind, found.missing) == ("quotes", ())
    assert (found.columns["price"], found.columns["base_price"], found.columns["propensity"]) == (
        "price",
        "base_price",
        "propensity",
    )


def test_inner_keys_count_by_their_last_part() -> None:
    assert (
        suggest_mapping(sample(**{"data.session_id": ["a", "a"]})).columns["session_id"]
        == "data.session_id"
    )


def test_no_column_is_used_twice() -> None:
    found = suggest_mapping(
        sample(
            session=["a", "a"],
            ts=["2026-03-01", "2026-03-01"],
            event=["view", "view"],
            value=["1", "2"],
            amount=["3", "4"],
        )
    )
    used = [*found.columns.values(), *found.metadata.values()]
    assert len(used) == len(set(used))


def test_an_empty_sample_gives_no_guess_but_no_error() -> None:
    assert suggest_mapping(pa.table({})).missing == ("session_id", "ts", "event_name")


@pytest.mark.parametrize(
    ("foreign", "meaning"),
    [
        ("add-to-cart", "add_item_to_cart"),
        ("BasketAdd", "add_item_to_cart"),
        ("RemovedFromCart", "remove_item"),
        ("ProductDetailShown", "view_item_page"),
        ("begin_checkout", "checkout_start"),
        ("ORDER_CONFIRMED", "purchase_complete"),
        ("ScreenView", "page_view"),
        ("date_filter_used", "filter_for_date"),
        ("heartbeat", None),
        ("", None),
    ],
)
def test_foreign_event_names_have_a_likely_meaning(foreign: str, meaning: str | None) -> None:
    assert suggest_event_name(foreign) == meaning


def test_guesses_are_names_that_exist() -> None:
    assert {meaning for _, meaning in _MEANINGS} <= set(CANONICAL)
