import hashlib
import json
import os
import subprocess
import sys

import pandas as pd
import pyarrow as pa
import pytest

from phantom_core.core.errors import InputError
from phantom_core.events.schema import STORE_MODES
from phantom_core.events.vocabulary import CANONICAL, canonical_name
from phantom_core.shoppers.generate import Generated, generate_sessions

TABLES = ("events", "quotes", "experiments", "labels", "truth")
METADATA_KEYS = {
    "price", "base_price", "total", "nights", "roomType", "dateIndex", "cabinClass", "fareRule",
    "flightType", "itemCount", "quantity",
    "cart_size", "dwellTime", "duration", "duration_ms", "elementText", "referrer", "section",
    "viewport", "query", "from", "to",
    "amenities", "min", "max", "sort", "type",
}  # fmt: skip


@pytest.fixture(scope="module")
def generated() -> Generated:
    return generate_sessions(600, 1)


@pytest.fixture(scope="module")
def events(generated: Generated) -> pd.DataFrame:
    """Events with canonical names and their metadata read."""
    frame = generated.events.to_pandas()
    frame["metadata"] = [json.loads(text) for text in frame["metadata"]]
    frame["name"] = [
        canonical_name(name, data.get("type"))
        for name, data in zip(frame["eventName"], frame["metadata"], strict=True)
    ]
    return frame


def test_the_same_seed_gives_the_same_rows(generated: Generated) -> None:
    again = generate_sessions(600, 1)
    assert all(getattr(again, table).equals(getattr(generated, table)) for table in TABLES)


def test_another_seed_gives_other_rows(generated: Generated) -> None:
    other = generate_sessions(600, 2)
    assert not any(getattr(other, table).equals(getattr(generated, table)) for table in TABLES)


def test_another_process_with_another_hash_seed_gives_the_same_rows() -> None:
    program = (
        "import hashlib; from phantom_core.shoppers.generate import generate_sessions; "
        "print(hashlib.sha256(repr(generate_sessions(40, "
        "3).events.to_pylist()).encode()).hexdigest())"
    )
    environment = os.environ | {
        "PYTHONHASHSEED": "77",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    there = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    here = hashlib.sha256(repr(generate_sessions(40, 3).events.to_pylist()).encode()).hexdigest()
    assert there.stdout.strip() == here


@pytest.mark.parametrize("n_sessions", [1, 2, 9, 100])
def test_there_are_as_many_sessions_as_asked_for(n_sessions: int) -> None:
    generated = generate_sessions(n_sessions, 5)
    assert len(set(generated.events["sessionId"].to_pylist())) == n_sessions
    assert len(set(generated.labels["session"].to_pylist())) == n_sessions


def test_no_session_cannot_be_asked_for() -> None:
    with pytest.raises(InputError, match="0 sessions cannot be generated"):
        generate_sessions(0, 1)


def test_tables_have_the_columns_that_loaders_read(generated: Generated) -> None:
    text = pa.string()
    assert generated.events.schema == pa.schema(
        [
            (name, text)
            for name in (
                "sessionId",
                "experimentId",
                "storeMode",
                "ts",
                "page",
                "eventName",
                "productId",
                "metadata",
                "userAgent",
            )
        ]
    )
    assert generated.quotes.schema == pa.schema(
        [(name, text) for name in ("sessionId", "experimentId", "storeMode", "ts", "productId")]
        + [(name, pa.float64()) for name in ("price", "base_price", "propensity")]
    )
    assert generated.experiments.schema.names == [
        "id",
        "subject_name",
        "xp_human_only",
        "xp_market_mode",
        "xp_task_id",
    ]
    assert generated.labels.schema.names == ["session", "family"]


def test_every_event_has_a_canonical_name_or_a_known_other_one(events: pd.DataFrame) -> None:
    assert set(events["name"]) == set(CANONICAL)


def test_both_vocabularies_are_spoken_but_one_by_each_session(events: pd.DataFrame) -> None:
    views = events[events["name"] == "view_item_page"].groupby("sessionId")["eventName"]
    assert set(views.unique().map(tuple)) == {("view_item_page",), ("product_view",)}


def test_metadata_has_only_keys_that_clients_send(events: pd.DataFrame) -> None:
    assert {key for data in events["metadata"] for key in data} <= METADATA_KEYS


def test_every_item_view_shows_a_price_and_every_purchase_a_total(events: pd.DataFrame) -> None:
    views = events[events["name"].isin(["view_item_page", "learn_more_about_item"])]
    assert min(data["price"] for data in views["metadata"]) > 0
    assert (
        min(data["total"] for data in events[events["name"] == "purchase_complete"]["metadata"]) > 0
    )


def test_no_two_events_are_equal_and_time_moves_on_within_a_session(events: pd.DataFrame) -> None:
    assert events["ts"].is_monotonic_increasing
    assert not events.duplicated(["sessionId", "ts"]).any()


def test_a_session_starts_once_and_first(events: pd.DataFrame) -> None:
    assert (events.groupby("sessionId")["name"].first() == "session_start").all()
    assert (events["name"] == "session_start").sum() == events["sessionId"].nunique()


def test_an_experiment_is_one_actor_in_one_store_with_one_to_six_sessions(
    generated: Generated, events: pd.DataFrame
) -> None:
    by_actor = events.groupby("experimentId")
    assert by_actor["sessionId"].nunique().between(1, 6).all()
    assert (by_actor["storeMode"].nunique() == 1).all()
    stores = dict(
        zip(
            generated.experiments["id"].to_pylist(),
            generated.experiments["xp_market_mode"].to_pylist(),
            strict=True,
        )
    )
    assert by_actor["storeMode"].first().to_dict() == stores
    assert set(stores.values()) == set(STORE_MODES)


def test_all_sessions_of_an_actor_are_of_one_family_and_the_experiment_says_which_class(
    generated: Generated,
) -> None:
    truth = generated.truth.to_pandas()
    actor = dict(
        zip(
            generated.events["sessionId"].to_pylist(),
            generated.events["experimentId"].to_pylist(),
            strict=True,
        )
    )
    truth["actor"] = truth["sessionId"].map(actor)
    human_only = dict(
        zip(
            generated.experiments["id"].to_pylist(),
            generated.experiments["xp_human_only"].to_pylist(),
            strict=True,
        )
    )
    assert (truth.groupby("actor")["family"].nunique() == 1).all()
    assert (truth["is_agent"] == ~truth["actor"].map(human_only)).all()
    families = dict(
        zip(
            generated.labels["session"].to_pylist(),
            generated.labels["family"].to_pylist(),
            strict=True,
        )
    )
    assert (truth["family"] == truth["sessionId"].map(families)).all()


def test_names_of_actors_and_sessions_say_nothing_of_their_family(generated: Generated) -> None:
    words = {
        word
        for family in generated.labels["family"].unique().to_pylist()
        for word in family.split("_")
    } | {"human", "bot"}
    names = (
        generated.experiments["id"].to_pylist()
        + generated.experiments["subject_name"].to_pylist()
        + generated.labels["session"].to_pylist()
    )
    assert not [name for name in names if any(word in name for word in words)]


def test_some_sessions_send_no_user_agent(generated: Generated) -> None:
    without = {
        row["sessionId"]
        for row in generated.events.select(["sessionId", "userAgent"]).to_pylist()
        if row["userAgent"] is None
    }
    assert 0 < len(without) < 60


def test_a_touch_screen_never_hovers(events: pd.DataFrame) -> None:
    mobile = events[events["userAgent"].str.contains("Mobile", na=False)]
    assert len(mobile) > 0
    assert not mobile["name"].str.startswith("hover").any()


def test_each_product_of_a_session_is_quoted_once_when_it_is_first_seen(
    generated: Generated, events: pd.DataFrame
) -> None:
    seen = (
        events[events["name"] == "view_item_page"].groupby(["sessionId", "productId"])["ts"].first()
    )
    quoted = generated.quotes.to_pandas().set_index(["sessionId", "productId"])["ts"]
    assert quoted.index.is_unique
    assert quoted.to_dict() == seen.to_dict()


def test_whatever_is_in_the_cart_or_bought_was_quoted_before_at_that_price(
    generated: Generated, events: pd.DataFrame
) -> None:
    quoted = generated.quotes.to_pandas().set_index(["sessionId", "productId"])
    chosen = events[events["name"].isin(["add_item_to_cart", "purchase_complete"])]
    assert set(chosen["name"]) == {"add_item_to_cart", "purchase_complete"}
    for row in chosen.itertuples():
        quote = quoted.loc[(row.sessionId, row.productId)]
        assert quote["ts"] < row.ts
        paid = row.metadata.get("price") or row.metadata["total"] / row.metadata["itemCount"]
        assert paid == pytest.approx(quote["price"], abs=0.01)


def test_what_the_truth_calls_considered_is_what_was_put_in_the_cart(
    generated: Generated, events: pd.DataFrame
) -> None:
    truth = generated.truth.to_pandas()
    for name, column in (("add_item_to_cart", "considered"), ("purchase_complete", "bought")):
        happened = (
            events[events["name"] == name][["sessionId", "productId"]].apply(tuple, axis=1).tolist()
        )
        assert sorted(happened) == sorted(
            truth[truth[column]][["sessionId", "productId"]].apply(tuple, axis=1).tolist()
        )


def test_truth_stands_row_by_row_beside_the_quotes(generated: Generated) -> None:
    quotes, truth = generated.quotes.to_pandas(), generated.truth.to_pandas()
    assert (quotes[["sessionId", "productId"]] == truth[["sessionId", "productId"]]).all(axis=None)
    assert truth["p_buy"].tolist() == pytest.approx(
        (truth["interest"] * truth["p_buy_considered"]).tolist()
    )
    assert truth["price_ratio"].tolist() == pytest.approx(
        (quotes["price"] / quotes["base_price"]).tolist()
    )


def test_a_recon_buyer_comes_back_for_the_product_it_was_quoted_lowest(
    generated: Generated,
) -> None:
    truth = generated.truth.to_pandas()
    actor = dict(
        zip(
            generated.events["sessionId"].to_pylist(),
            generated.events["experimentId"].to_pylist(),
            strict=True,
        )
    )
    recon = truth[truth["family"] == "recon_buyer"].assign(
        actor=lambda rows: rows["sessionId"].map(actor)
    )
    usual, closing = recon[recon["visit"] == "usual"], recon[recon["visit"] == "closing"]
    lowest = usual.groupby("actor")["price_ratio"].transform("min") == usual["price_ratio"]
    wanted = usual[lowest].groupby("actor")["productId"].agg(set)
    first = closing.groupby("actor")["productId"].first()
    both = first.index.intersection(wanted.index)
    assert len(both) > 10
    assert all(first[name] in wanted[name] for name in both)
