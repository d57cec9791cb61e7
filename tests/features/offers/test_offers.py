"""Offers: one row per session and product, as known the millisecond before, with the outcome."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_core.core.errors import DataError, InputError
from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import feature_names
from phantom_core.features.offers.offers import (
    COLUMNS,
    RELATIONS,
    Moments,
    moments_named,
    read_offers,
    usual_moments,
)
from phantom_core.features.offers.product_features import product_names
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.shoppers.generate import generate_sessions
from phantom_core.use_cases.data.ingest import ingest_files
from tests.examples import examples

pytestmark = pytest.mark.slow

NOON_MS = 1_772_366_400_000  # 2026-03-01 12:00 UTC


def loaded(
    folder: Path,
    events: list[dict],
    quotes: list[dict] | None = None,
    catalogue: list[dict] | None = None,
) -> Lake:
    """A lake of rows whose `at` is in seconds after noon."""
    chosen = Settings(workspace=folder / "workspace")
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, rows in (
        ("events", events),
        ("quotes", quotes or []),
        ("catalogue", catalogue or []),
    ):
        if rows:
            files[name] = folder / f"{name}.jsonl"
            files[name].write_text("".join(json.dumps(timed(row)) + "\n" for row in rows))
    paths = [files[name] for name in ("events", "quotes") if name in files]
    ingest_files(
        chosen,
        paths,
        now_ms=NOON_MS + 10**9,
        catalogue=str(files["catalogue"]) if "catalogue" in files else None,
    )
    return open_lake(chosen)


def timed(row: dict) -> dict:
    at = row.pop("at", None)
    return row if at is None else {**row, "ts": NOON_MS + round(at * 1_000), "storeMode": "shop"}


def event(
    session: str, name: str, at: float, product: str | None = None, **metadata: object
) -> dict:
    return {
        "sessionId": session,
        "eventName": name,
        "at": at,
        "productId": product,
        "page": "/",
        "metadata": metadata or None,
    }


def quote(
    session: str, product: str, at: float, price: float, base_price: float | None = 100.0
) -> dict:
    return {
        "sessionId": session,
        "productId": product,
        "at": at,
        "price": price,
        "base_price": base_price,
    }


def offers_of(lake: Lake, moments: Moments | None = None) -> list[dict]:
    with lake.connect(RELATIONS) as connection:
        return read_offers(connection, moments or usual_moments(connection)).to_pylist()


def test_an_offer_is_the_first_quote_and_sees_only_what_came_before(tmp_path: Path) -> None:
    events = [
        event("s1", "search", 0),
        event("s1", "view_item_page", 5, "p1", price=80),
        event("s1", "view_item_page", 9, "p2", price=50),
        event("s1", "add_item_to_cart", 20, "p1", price=80),
        event("s1", "purchase_complete", 30, "p1", total=80),
    ]
    lake = loaded(
        tmp_path,
        events,
        [quote("s1", "p1", 5, 80), quote("s1", "p1", 8, 85), quote("s1", "p2", 9, 50)],
    )
    first, second = offers_of(lake)
    assert (first["product_id"], first["price"], first["price_ratio"], first["bought"]) == (
        "p1",
        80,
        0.8,
        True,
    )
    assert (first["total_interactions"], first["item_views"], first["avg_price_seen"]) == (
        1,
        0,
        None,
    )
    assert (
        second["product_id"],
        second["bought"],
        second["item_views"],
        second["avg_price_seen"],
    ) == ("p2", False, 1, 80)
    assert tuple(first) == COLUMNS
    assert {*feature_names(), *product_names()} <= set(first)


def test_a_purchase_without_a_product_bought_what_was_in_the_cart(tmp_path: Path) -> None:
    events = [
        event("s1", "search", 0),
        event("s1", "add_item_to_cart", 20, "p1"),
        event("s1", "purchase_complete", 30),
    ]
    lake = loaded(tmp_path, events, [quote("s1", "p1", 5, 80), quote("s1", "p2", 9, 50)])
    assert [one["bought"] for one in offers_of(lake)] == [True, False]


def test_product_features_count_all_sessions_before_the_quote_and_none_after(
    tmp_path: Path,
) -> None:
    views = [("a", 0), ("a", 10), ("b", 20), ("c", 3_000)]
    events = [event(session, "view_item_page", at, "p1", price=100) for session, at in views]
    events += [
        event("b", "purchase_complete", 40, "p1", total=100),
        event("d", "search", 3_500),
        event("d", "view_item_page", 3_601, "p1"),
    ]
    events += [
        event("e", "view_item_page", 3_500, "p2", price=10),
        event("f", "view_item_page", 3_700, "p1"),
    ]
    products = [
        {
            "product_id": "p1",
            "base_price": 100,
            "stock": 5,
            "n_amenities": 3,
            "is_refundable": True,
            "competitor_price": 110,
        }
    ]
    lake = loaded(tmp_path, events, [quote("d", "p1", 3_605, 90, None)], products)
    offer = next(one for one in offers_of(lake) if one["session_key"] and one["price"] == 90)
    # Since 3,605 − 3,600 = 5 s: a's second view, b, c and d looked; of these b, c and d for the
    # first time.
    assert (offer["view_count_last_hour"], offer["current_demand"]) == (4, 3)
    assert offer["avg_demand_last_hour"] == 4 / 2
    assert (offer["inventory_level"], offer["n_amenities"], offer["is_refundable"]) == (4, 3, True)
    assert (offer["base_price"], offer["price_ratio"], offer["competitor_price_diff"]) == (
        100,
        0.9,
        pytest.approx(0.1),
    )


def test_days_come_from_the_date_asked_for_last(tmp_path: Path) -> None:
    events = [
        event("s1", "search", 0, **{"from": "2026-03-11", "to": "2026-03-12"}),
        event("s1", "view_item_page", 5, "p1", dateIndex=4),
    ]
    lake = loaded(tmp_path, events, [quote("s1", "p9", 1, 80), quote("s1", "p1", 5, 80)])
    assert [one["days_until_date"] for one in offers_of(lake)] == [10, 4]


def test_without_a_quote_log_offers_are_whole_sessions_before_their_first_cart(
    tmp_path: Path,
) -> None:
    events = [
        event("s1", "view_item_page", 0, "p1", price=80),
        event("s1", "view_item_page", 5, "p2", price=30),
        event("s1", "add_item_to_cart", 9, "p1"),
        event("s1", "purchase_complete", 20, "p1", total=80),
        event("s2", "view_item_page", 0, "p1", price=80),
    ]
    lake = loaded(tmp_path, events)
    offers = {one["product_id"]: one for one in offers_of(lake)}
    assert (offers["p2"]["bought"], offers["p2"]["item_views"], offers["p2"]["cart_adds"]) == (
        True,
        2,
        0,
    )
    assert (
        offers["p1"]["bought"],
        offers["p1"]["total_interactions"],
        offers["p1"]["price_ratio"],
    ) == (False, 1, None)


def test_a_lake_without_prices_and_unknown_moments_are_refused(tmp_path: Path) -> None:
    lake = loaded(tmp_path, [event("s1", "search", 0)])
    with pytest.raises(DataError, match="No product was ever shown at a price"):
        offers_of(lake, "first_quote")
    with pytest.raises(InputError, match="There is no choice of moments 'noon'"):
        moments_named("noon")


@dataclass(frozen=True)
class GeneratedOffers:
    """Generated sessions, and the features of all their offers."""

    events: pa.Table
    quotes: pa.Table
    features: dict[tuple[object, object], tuple]


def features_of(
    folder: Path, events: pa.Table, quotes: pa.Table
) -> dict[tuple[object, object], tuple]:
    """Features by session and product, of a lake of its own."""
    folder.mkdir(parents=True)
    for table, kind in ((events, "events"), (quotes, "quotes")):
        pa.parquet.write_table(table, folder / f"{kind}.parquet")
    chosen = Settings(workspace=folder / "workspace")
    ingest_files(
        chosen, [folder / "events.parquet", folder / "quotes.parquet"], now_ms=NOON_MS + 10**10
    )
    return {
        (one["session_key"], one["product_id"]): tuple(
            one[column] for column in (*feature_names(), *product_names())
        )
        for one in offers_of(open_lake(chosen), "first_quote")
    }


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> GeneratedOffers:
    made = generate_sessions(60, 5)
    events, quotes = made.events.sort_by("ts"), made.quotes.sort_by("ts")
    return GeneratedOffers(
        events, quotes, features_of(tmp_path_factory.mktemp("generated") / "all", events, quotes)
    )


@given(share=st.floats(0.05, 0.95))
@examples(4)
def test_what_happens_later_changes_no_feature_of_an_earlier_offer(
    share: float, generated: GeneratedOffers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    at = generated.events["ts"][int(share * generated.events.num_rows)].as_py()
    earlier = [
        table.filter(pa.compute.less_equal(table["ts"], at))
        for table in (generated.events, generated.quotes)
    ]
    part = features_of(tmp_path_factory.mktemp("earlier") / "part", *earlier)
    assert part
    assert all(same(generated.features[offer], known) for offer, known in part.items())


def same(first: tuple, second: tuple) -> bool:
    pairs = zip(first, second, strict=True)
    return all(
        a == b or (isinstance(a, float) and isinstance(b, float) and np.isclose(a, b, rtol=1e-9))
        for a, b in pairs
    )
