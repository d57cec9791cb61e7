"""Write access to Redis sets no price: what the control side did not sign is not followed."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import redis

from phantom_core.core.settings import Settings
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.publishing.announcement import Announcement
from phantom_core.publishing.canonical import canonical_digest, canonical_json
from phantom_core.publishing.experiments import FORMAT as EXPERIMENTS_FORMAT
from phantom_core.publishing.experiments import (
    LiveArm,
    LiveExperiment,
    LiveExperiments,
    publish_experiments,
)
from phantom_core.publishing.figures import Figures, publish_prices
from phantom_core.publishing.live import sign_live
from phantom_core.publishing.models import publish_model
from phantom_core.publishing.names import CHANNEL
from phantom_core.publishing.publish import publish_release
from phantom_core.publishing.release import sign_release
from phantom_core.publishing.session_prices import write_session_prices
from phantom_core.publishing.signed import sign_document
from phantom_core.publishing.statement import SESSION_PRICES, Statement, publish_statement
from phantom_core.services.pricing.followed import FollowedDocuments
from phantom_core.signing.keys import rotate_key, signing_key
from phantom_core.valkey.server import connect_server, stop_embedded
from tests.publishing.samples import KEY, STRANGER, SavedModel, install_key, make_live
from tests.security.pricing_shop import (
    EVIL,
    FIRST,
    ROOM,
    SECOND,
    health,
    price,
    settings_of,
    shop,
    start_afresh,
    stays,
)
from tests.services.conftest import wait_until

ARMS = (LiveArm("all", 1.0, "evil"),)
EXPERIMENTS = LiveExperiments(10**15, (LiveExperiment("x", "s", ARMS),), live_epoch=5)
WIDE = replace(make_live(999, "evil"), lowest_markup=0.01, highest_markup=10.0)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    settings = settings_of(tmp_path_factory.mktemp("signed"))
    install_key(settings)
    connect_server(settings).close()
    yield settings
    stop_embedded(settings)


@pytest.fixture
def settings(workspace: Settings) -> Settings:
    install_key(workspace)
    return workspace


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    with connect_server(settings) as client:
        start_afresh(settings, client)
        yield client


def say(client: redis.Redis, kind: str = "rules") -> None:
    client.publish(CHANNEL, Announcement(kind, "evil", 999).to_bytes())


def hashed(document: dict) -> bytes:
    return canonical_json(document | {"sha256": canonical_digest(document)})


def forged_release(client: redis.Redis, live: bytes, evil: bytes) -> None:
    client.set("rules:evil", evil)
    client.set("rules:live", live)
    say(client)


def replayed_signature(client: redis.Redis) -> bytes:
    """The signature of what is live, in front of something else."""
    head, _, _ = client.get("rules:live").partition(b"\n")
    return bytes(head) + b"\n" + WIDE.to_bytes()


FORGERIES: dict[str, tuple[str, Callable[[redis.Redis], object]]] = {
    "a release and a pointer with their own hashes": (
        "rules",
        lambda r: forged_release(r, WIDE.to_bytes(), EVIL.to_bytes()),
    ),
    "the same, signed by a stranger": (
        "rules",
        lambda r: forged_release(r, sign_live(STRANGER, WIDE), sign_release(STRANGER, EVIL)),
    ),
    "a pointer behind the signature of another one": (
        "rules",
        lambda r: forged_release(r, replayed_signature(r), EVIL.to_bytes()),
    ),
    "a pointer signed for another purpose": (
        "rules",
        lambda r: forged_release(
            r, sign_document(KEY, EXPERIMENTS_FORMAT, WIDE.to_bytes()), EVIL.to_bytes()
        ),
    ),
    "a kill switch that nobody turned on": (
        "rules",
        lambda r: r.set("rules:live", replace(WIDE, version="first", is_killed=True).to_bytes()),
    ),
    "the pointer deleted": ("rules", lambda r: r.delete("rules:live")),
    "the pointer as a list": (
        "rules",
        lambda r: (r.delete("rules:live"), r.lpush("rules:live", 1)),
    ),
    "an experiment for everybody": (
        "experiments",
        lambda r: (
            r.set("rules:evil", EVIL.to_bytes()),
            r.set("experiments:live", EXPERIMENTS.to_bytes()),
        ),
    ),
    "an experiment signed by a stranger": (
        "experiments",
        lambda r: r.set(
            "experiments:live", sign_document(STRANGER, EXPERIMENTS_FORMAT, EXPERIMENTS.to_bytes())
        ),
    ),
    "global prices": (
        "prices",
        lambda r: r.set(
            "prices:latest",
            hashed(
                {
                    "format": "phantom-prices/1",
                    "version": "v",
                    "created_ms": 1,
                    "prices": {"room": 1.0},
                }
            ),
        ),
    ),
    "a statement of a stranger": (
        "statement",
        lambda r: publish_statement(r, STRANGER, Statement(10**15, {"rules": 999})),
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_what_nobody_signed_changes_no_price_and_is_told(
    settings: Settings, client: redis.Redis, forgery: str
) -> None:
    kind, forge = FORGERIES[forgery]
    with shop(settings) as prices:
        assert price(prices) == 120.0
        forge(client)
        say(client, kind)
        wait_until(lambda: health(prices)["status"] == "degraded", 5.0)
        assert kind in health(prices)["problems"]
        assert health(prices)["refused"][kind] >= 1
        stays(prices, 120.0)
        text = prices.get("/metrics").text
        assert "phantom_refused_documents_total{" in text


@pytest.mark.parametrize(
    "forgery", ["a release and a pointer with their own hashes", "an experiment for everybody"]
)
def test_a_restart_goes_on_with_what_was_signed(
    settings: Settings, client: redis.Redis, forgery: str
) -> None:
    with shop(settings) as prices:
        assert price(prices) == 120.0
    FORGERIES[forgery][1](client)
    client.set("rules:first", EVIL.to_bytes())
    with shop(settings) as prices:
        assert price(prices) == 120.0
        assert health(prices)["status"] == "degraded"


def test_an_emptied_server_changes_no_price_not_even_over_a_restart(
    settings: Settings, client: redis.Redis
) -> None:
    features = client.get("session_features:bot")
    with shop(settings) as prices:
        assert price(prices) == 120.0
        client.flushall()
        client.set("session_features:bot", features)
        say(client)
        wait_until(lambda: "rules" in health(prices)["problems"], 5.0)
        assert price(prices) == 120.0
    with shop(settings) as prices:
        assert price(prices) == 120.0
        assert "gone from the server" in health(prices)["problems"]["rules"]


def test_an_older_signed_document_never_comes_back(settings: Settings, client: redis.Redis) -> None:
    before = client.get("rules:live")
    publish_release(client, KEY, make_live(6, "first", is_killed=True), [FIRST])
    with shop(settings) as prices:
        assert price(prices) == ROOM
        client.set("rules:live", before)
        say(client)
        wait_until(lambda: "number 6 was followed" in str(health(prices)["problems"]), 5.0)
        assert price(prices) == ROOM
    with shop(settings) as prices:  # the highest number is on disk
        assert price(prices) == ROOM
        assert health(prices)["killed_by"] == ["published version no. 6"]


def test_older_experiments_never_come_back(settings: Settings, client: redis.Redis) -> None:
    publish_release(client, KEY, make_live(6, "first"), [FIRST])
    client.set("rules:second", sign_release(KEY, SECOND))
    arms = (LiveArm("all", 1.0, "second"),)
    running = LiveExperiments(1, (LiveExperiment("x", "s", arms),), live_epoch=6)
    publish_experiments(client, KEY, running)
    held = client.get("experiments:live")
    with shop(settings) as prices:
        assert price(prices) == 140.0
        publish_experiments(client, KEY, LiveExperiments(2, (), live_epoch=6))
        wait_until(lambda: price(prices) == 120.0)
        client.set("experiments:live", held)
        say(client, "experiments")
        wait_until(lambda: "experiments" in health(prices)["problems"], 5.0)
        assert price(prices) == 120.0


def test_an_arm_ends_with_what_was_live_when_it_was_published(
    settings: Settings, client: redis.Redis
) -> None:
    client.set("rules:second", sign_release(KEY, SECOND))
    arms = (LiveArm("all", 1.0, "second"),)
    publish_experiments(
        client, KEY, LiveExperiments(1, (LiveExperiment("x", "s", arms),), live_epoch=5)
    )
    with shop(settings) as prices:
        assert price(prices) == 140.0
        publish_release(client, KEY, make_live(6, ""), [])  # a rollback to base prices
        wait_until(lambda: price(prices) == ROOM)
        assert prices.get("/models").json()["experiments"] == []


def test_a_server_that_was_set_back_is_noticed_by_a_new_service(
    settings: Settings, client: redis.Redis
) -> None:
    now_ms = time.time_ns() // 1_000_000
    publish_statement(client, KEY, Statement(now_ms, {"rules": 9}))
    with shop(settings) as prices:
        found = health(prices)
        assert found["status"] == "degraded"
        assert "number 9 was published, and 5 is followed" in found["problems"]["rules"]


def test_a_silent_control_side_is_told(settings: Settings, client: redis.Redis) -> None:
    now_ms = time.time_ns() // 1_000_000
    publish_statement(client, KEY, Statement(now_ms - 90_000, {"rules": 5}))
    with shop(settings) as prices:
        found = health(prices)
        assert found["status"] == "degraded" and found["statement_age_s"] >= 90
        publish_statement(client, KEY, Statement(now_ms + 1_000, {"rules": 5}))
        wait_until(lambda: health(prices)["status"] == "healthy", 5.0)


def test_an_unsigned_session_price_is_ignored(settings: Settings, client: redis.Redis) -> None:
    now_ms = time.time_ns() // 1_000_000
    publish_statement(client, KEY, Statement(now_ms, {SESSION_PRICES: 3}))
    with shop(settings) as prices:
        client.hset("session:bot:prices", "room", "70.0")
        assert price(prices) == 120.0
        write_session_prices(client, STRANGER, "bot", {"room": 80.0}, now_ms=now_ms)
        assert price(prices) == 120.0
        write_session_prices(client, KEY, "other", {"room": 80.0}, now_ms=now_ms)
        client.hset("session:bot:prices", "room", client.hget("session:other:prices", "room"))
        assert price(prices) == 120.0
        write_session_prices(client, KEY, "bot", {"room": 80.0}, now_ms=now_ms - 1_800_001)
        assert price(prices) == 120.0
        assert health(prices)["refused"]["session_prices"] == 4
        write_session_prices(client, KEY, "bot", {"room": 80.0}, now_ms=now_ms)
        assert price(prices) == 80.0


def test_signed_global_prices_count_only_where_no_rules_apply(
    settings: Settings, client: redis.Redis
) -> None:
    with shop(settings) as prices:
        publish_prices(client, KEY, Figures("p-1", 1, {"room": 90.0}))
        wait_until(lambda: prices.get("/models").json()["prices_version"] == "p-1")
        assert price(prices) == 120.0


def test_a_list_of_prices_by_the_first_storefront_is_refused_and_named(
    settings: Settings, client: redis.Redis
) -> None:
    with shop(settings) as prices:
        client.set("prices:latest", '[{"productId": "room", "price": 150.0}]')
        wait_until(lambda: "prices" in health(prices)["problems"])
        assert health(prices)["problems"]["prices"] == (
            "prices:latest is not signed, so it is not followed. Heal: the control side signs "
            "what it publishes."
        )
        assert price(prices) == 120.0
        client.delete("prices:latest")
        wait_until(lambda: "prices" not in health(prices)["problems"])


def test_a_model_of_a_stranger_is_never_opened(settings: Settings, client: redis.Redis) -> None:
    for kind in MODEL_KINDS.names():
        publish_model(client, STRANGER, kind, SavedModel("evil-1"), now_ms=1)
    with shop(settings) as prices:
        found = health(prices)
        assert set(MODEL_KINDS.names()) <= set(found["problems"])
        assert all("not trusted" in found["problems"][kind] for kind in MODEL_KINDS.names())
        assert prices.get("/models").json()["models"] == []


def test_a_new_key_is_trusted_as_soon_as_it_signs(settings: Settings, client: redis.Redis) -> None:
    with shop(settings) as prices:
        assert price(prices) == 120.0
        rotate_key(settings)
        publish_release(client, signing_key(settings), make_live(6, "second"), [SECOND])
        wait_until(lambda: price(prices) == 140.0)
        wait_until(lambda: health(prices)["status"] == "healthy", 5.0)


def test_what_is_stored_on_disk_is_verified_too(settings: Settings, client: redis.Redis) -> None:
    with shop(settings) as prices:
        assert price(prices) == 120.0
    FollowedDocuments(settings.paths.followed).write("rules", {"document": WIDE.to_bytes()})
    client.delete("rules:live")
    with shop(settings) as prices:
        assert price(prices) == ROOM
