"""Models, figures, experiments and session features are read as published, or rejected."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from phantom_core.core.errors import DataError, InputError, UnavailableError
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.model_store.store import ModelStore
from phantom_core.publishing.experiments import (
    LiveArm,
    LiveExperiment,
    LiveExperiments,
    parse_experiments,
    publish_experiments,
    read_experiments,
)
from phantom_core.publishing.figures import (
    Figures,
    publish_elasticities,
    publish_prices,
    read_elasticities,
    read_prices,
)
from phantom_core.publishing.models import publish_model, published_version, read_model
from phantom_core.publishing.publish import NotSwitchedError, publish_release
from phantom_core.publishing.session_features import (
    PublishedFeatures,
    parse_features,
    read_features,
    write_features,
)
from phantom_core.publishing.session_prices import read_session_price, write_session_prices
from phantom_core.publishing.signed import UnsignedError
from tests.conftest import NOW_MS
from tests.publishing.proxy import Fate, Proxy, at
from tests.publishing.samples import FIRST, KEY, KEYS, LIVE_FIRST, SavedModel
from tests.publishing.servers import OwnServer

FINITE = st.floats(allow_nan=False, allow_infinity=False)
ONCE_PER_SERVER = how(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("kind", MODEL_KINDS.names())
def test_a_model_comes_back_file_by_file(client: redis.Redis, kind: str) -> None:
    assert read_model(client, KEYS, kind) is None
    assert published_version(client, kind) == ""
    first, second = (
        SavedModel("v1", model__onnx=b"\x00\xff" * 99, decision__json=b"{}"),
        SavedModel("v2"),
    )
    publish_model(client, KEY, kind, first, now_ms=1)
    found = read_model(client, KEYS, kind)
    assert found
    assert (found.version, found.manifest) == ("v1", first.manifest.to_json())
    assert {name: found.read(name) for name in found.files} == {
        "model.onnx": b"\x00\xff" * 99,
        "decision.json": b"{}",
    }
    publish_model(client, KEY, kind, second, now_ms=1)
    assert published_version(client, kind) == "v2"
    assert set(client.hkeys(MODEL_KINDS.find(kind).published_as)) == {
        b"version",
        b"manifest",
        b"sha256",
        b"statement",
        b"file:model.ubj",
    }


def test_a_model_of_a_workspace_is_published(client: redis.Redis, tmp_path: Path) -> None:
    saved = ModelStore(tmp_path, "classifier").save(
        SavedModel("v7").manifest, {"model.ubj": b"trees", "card.md": b"# Card"}
    )
    publish_model(client, KEY, "classifier", saved, now_ms=1)
    found = read_model(client, KEYS, "classifier")
    assert found
    assert dict(found.files) == {"model.ubj": b"trees"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("file:model.ubj", b"other"),
        ("manifest", b"{}"),
        ("manifest", b"\xff"),
        ("sha256", "0"),
        ("file:extra.json", "{}"),
    ],
)
def test_a_model_that_was_changed_is_refused(client: redis.Redis, field: str, value: str) -> None:
    publish_model(client, KEY, "classifier", SavedModel("v1"), now_ms=1)
    client.hset(MODEL_KINDS.find("classifier").published_as, field, value)
    with pytest.raises(
        DataError, match="is not the classifier that was published: its SHA-256 differs"
    ):
        read_model(client, KEYS, "classifier")


@pytest.mark.parametrize("name", ["version", "manifest", "sha256", "file:model.ubj"])
def test_a_model_that_lacks_something_is_refused(client: redis.Redis, name: str) -> None:
    publish_model(client, KEY, "classifier", SavedModel("v1"), now_ms=1)
    client.hdel(MODEL_KINDS.find("classifier").published_as, name)
    with pytest.raises(DataError, match="SHA-256 differs"):
        read_model(client, KEYS, "classifier")


def test_pickles_are_never_published(client: redis.Redis) -> None:
    with pytest.raises(InputError, match="has no file of a kind that may be published"):
        publish_model(
            client,
            KEY,
            "classifier",
            SavedModel("v1", model__pkl=b"\x80\x04", model__joblib=b"x"),
            now_ms=1,
        )
    assert not client.keys()


@pytest.mark.slow
@pytest.mark.parametrize("fate", ["cut", "half", "deaf", "stall"])
def test_a_model_is_replaced_whole_or_not_at_all(tmp_path: Path, fate: Fate) -> None:
    with OwnServer(tmp_path) as server, server.client() as direct:
        for n in range(1, 7):  # MULTI, DEL, HSET, PUBLISH, EXEC, and HGETALL to read back
            direct.flushall()
            publish_model(direct, KEY, "classifier", SavedModel("v1"), now_ms=1)
            proxy = Proxy(server.port, at(n, fate, fate))
            with (
                proxy,
                server.client(port=proxy.port, options="?socket_timeout=0.1") as client,
                pytest.raises(UnavailableError),
            ):
                publish_model(client, KEY, "classifier", SavedModel("v2"), now_ms=1)
            found = read_model(direct, KEYS, "classifier")
            assert found
            assert found.version in ("v1", "v2")
            assert (
                found.version == "v1" or n >= 5 or fate == "stall"
            )  # what was held back may arrive late, as a whole


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), FINITE))
@ONCE_PER_SERVER
def test_figures_come_back(client: redis.Redis, values: dict[str, float]) -> None:
    publish_elasticities(client, KEY, Figures("e-1", 5, values))
    assert read_elasticities(client, KEYS) == Figures("e-1", 5, values)
    prices = {product: abs(value) for product, value in values.items() if value}
    publish_prices(client, KEY, Figures("p-1", 6, prices))
    assert read_prices(client, KEYS) == Figures("p-1", 6, prices)


def test_there_are_no_figures_before_any_are_published(client: redis.Redis) -> None:
    assert read_prices(client, KEYS) is None
    assert read_elasticities(client, KEYS) is None


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_what_is_no_price_is_refused(client: redis.Redis, wrong: float) -> None:
    with pytest.raises(InputError, match="Product b has"):
        publish_prices(client, KEY, Figures("p-1", 1, {"a": 1.0, "b": wrong}))


def test_figures_that_were_changed_are_refused(client: redis.Redis) -> None:
    publish_prices(client, KEY, Figures("p-1", 1, {"a": 1.5}))
    content = client.get("prices:latest")
    client.set("prices:latest", content.replace(b"1.5", b"2.5"))
    with pytest.raises(UnsignedError, match="prices:latest does not match its signature"):
        read_prices(client, KEYS)
    client.set("elasticity:latest", content)
    with pytest.raises(UnsignedError, match="elasticity:latest does not match its signature"):
        read_elasticities(client, KEYS)


def experiment(experiment_id: str = "x1", **shares: float) -> LiveExperiment:
    shares = shares or {"control": 0.5, "treatment": 0.5}
    return LiveExperiment(
        experiment_id, "salt", tuple(LiveArm(name, share, "") for name, share in shares.items())
    )


def test_experiments_come_back(client: redis.Redis) -> None:
    assert read_experiments(client, KEYS) is None
    publish_release(client, KEY, LIVE_FIRST, [FIRST])
    arms = (
        LiveArm("base", 0.25, ""),
        LiveArm("live", 0.25, "live"),
        LiveArm("fixed", 0.5, "first-1"),
    )
    found = LiveExperiments(3, (LiveExperiment("x1", "s", arms), experiment("x2")))
    publish_experiments(client, KEY, found)
    assert read_experiments(client, KEYS) == found
    assert found.versions == ("first-1",)


def test_an_arm_cannot_play_rules_that_were_never_published(client: redis.Redis) -> None:
    one = LiveExperiment("x1", "s", (LiveArm("only", 1.0, "lost-9"),))
    with pytest.raises(NotSwitchedError, match="rules:lost-9 is not on the server any more"):
        publish_experiments(client, KEY, LiveExperiments(1, (one,)))
    assert read_experiments(client, KEYS) is None


def test_earlier_experiments_do_not_replace_later_ones(client: redis.Redis) -> None:
    publish_experiments(client, KEY, LiveExperiments(5, (experiment(),)))
    publish_experiments(client, KEY, LiveExperiments(5, (experiment(),)))
    with pytest.raises(NotSwitchedError, match="already holds epoch 5, and this is epoch 4"):
        publish_experiments(client, KEY, LiveExperiments(4, ()))


@pytest.mark.parametrize(
    "wrong",
    [
        (experiment(a=0.5, b=0.4),),
        (experiment(a=1.5, b=-0.5),),
        (LiveExperiment("x", "s", ()),),
        (LiveExperiment("x", "s", (LiveArm("a", 0.5, ""), LiveArm("a", 0.5, ""))),),
        (LiveExperiment("x", "s", (LiveArm("a", 1.0, "no version"),)),),
        (experiment("x"), experiment("x")),
    ],
)
def test_experiments_that_cannot_be_are_refused(wrong: tuple[LiveExperiment, ...]) -> None:
    with pytest.raises(InputError):
        LiveExperiments(1, wrong)


def test_experiments_that_were_changed_are_refused() -> None:
    values = json.loads(LiveExperiments(1, (experiment(),)).to_bytes())
    values["experiments"][0]["arms"][0]["share"] = 0.9
    with pytest.raises(DataError, match="do not add up to 1"):
        parse_experiments(json.dumps(values))


FEATURES = {"item_views": 2, "std_price_seen": None, "browser_family": "Chrome"}
SESSION = PublishedFeatures("s1", 4, 1_772_452_800_000, 1_772_452_800_250, "hotel", FEATURES)


def test_what_is_known_of_a_session_comes_back_until_it_is_forgotten(client: redis.Redis) -> None:
    assert read_features(client, "s1") is None
    write_features(client, [SESSION])
    assert read_features(client, "s1") == SESSION
    assert 3500 < client.ttl("session_features:s1") <= 3600
    assert json.loads(client.get("session_features:s1")) == {
        "format": "phantom-session/1",
        "session_id": "s1",
        "n_events": 4,
        "last_event_ms": 1_772_452_800_000,
        "updated_ms": 1_772_452_800_250,
        "store_mode": "hotel",
        "features": {"item_views": 2, "std_price_seen": None, "browser_family": "Chrome"},
    }


def test_many_sessions_are_written_at_once(client: redis.Redis) -> None:
    write_features(client, [PublishedFeatures(f"s{n}", n, 0, 0, "shop", {}) for n in range(500)])
    found = read_features(client, "s499")
    assert found
    assert found.n_events == 499
    write_features(client, [])


def test_undefined_numbers_are_null() -> None:
    found = parse_features(
        PublishedFeatures(
            "s", 1, 0, 0, "shop", {"a": float("nan"), "b": np.float64(1.5)}
        ).to_bytes(),
        "here",
    )
    assert found.features == {"a": None, "b": 1.5}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\x80\x04",
        b'{"format":"phantom-session/1"}',
        b'{"format":"phantom-session/2"}',
        SESSION.to_bytes().replace(b'"Chrome"', b"[1]"),
    ],
)
def test_what_is_no_session_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="session_features:s1"):
        parse_features(content, "session_features:s1")


def test_a_session_has_prices_of_its_own_for_half_an_hour(client: redis.Redis) -> None:
    assert read_session_price(client, KEYS, "s1", "a", now_ms=NOW_MS) is None
    write_session_prices(client, KEY, "s1", {"a": 10.1, "b": 20}, now_ms=NOW_MS)
    write_session_prices(client, KEY, "s1", {"b": 25.0}, now_ms=NOW_MS)
    assert [
        read_session_price(client, KEYS, "s1", product, now_ms=NOW_MS) for product in "abc"
    ] == [
        10.1,
        25.0,
        None,
    ]
    assert 1700 < client.ttl("session:s1:prices") <= 1800
    client.hset("session:s1:prices", "c", "dear")
    with pytest.raises(DataError, match="session:s1:prices is not signed"):
        read_session_price(client, KEYS, "s1", "c", now_ms=NOW_MS)
