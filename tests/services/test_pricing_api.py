"""The contract, by a client that knows nothing but HTTP and JSON."""

import json
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import redis

from phantom_core.accounts.people import MACHINE
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.approvals.limits import set_limits
from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import AuditSettings, LimitSettings, ServiceSettings, Settings
from phantom_core.publishing.experiments import (
    LiveArm,
    LiveExperiment,
    LiveExperiments,
    publish_experiments,
)
from phantom_core.publishing.figures import Figures, publish_elasticities, publish_prices
from phantom_core.publishing.models import publish_model
from phantom_core.publishing.publish import publish_release
from phantom_core.publishing.session_features import write_features
from phantom_core.publishing.session_prices import write_session_prices
from phantom_core.publishing.statement import (
    APPROVED_PRICES,
    SESSION_PRICES,
    Statement,
    publish_statement,
)
from phantom_core.services.ingest.app import ingest_app
from phantom_core.services.pricing.answer import PriceAnswer
from phantom_core.services.pricing.service import initial_objective
from tests.publishing.samples import KEY, make_live
from tests.services.conftest import ROOM, SUITE, Serve, wait_until
from tests.services.samples import (
    BANDS,
    BOT,
    FAST,
    PERSON,
    release,
    saved_classifier,
    saved_network,
    session,
)
from tests.services.services import served

FIRST, SECOND = release("first", FAST.format(1.2)), release("second", FAST.format(1.4))


APPROVED_NOW = Statement(time.time_ns() // 1_000_000, {APPROVED_PRICES: 1, SESSION_PRICES: 3})


def price(shop: httpx.Client, product: str = "room", **query: str) -> dict[str, object]:
    answer = shop.get(f"/api/hotel/price/{product}", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    assert set(found) == set(PriceAnswer.model_fields)
    return found


def test_without_anything_published_the_base_price_holds(settings: Settings, serve: Serve) -> None:
    with serve(settings) as shop:
        for mode in ("hotel", "airline", "shop"):
            found = shop.get(f"/api/{mode}/price/suite").json()
            assert (found["productId"], found["price"], found["base_price"], found["markup"]) == (
                "suite",
                SUITE,
                SUITE,
                1.0,
            )
            assert (found["source"], found["reason"]) == ("base_price", None)


def test_rules_experiments_prices_and_elasticities_are_taken_up_while_it_runs(
    settings: Settings, client: redis.Redis, serve: Serve
) -> None:
    write_features(client, [session("bot", BOT), session("person", PERSON)])
    with serve(settings) as shop:
        assert price(shop, sessionId="bot")["price"] == ROOM
        publish_release(client, KEY, make_live(1, "first"), [FIRST])
        wait_until(lambda: price(shop, sessionId="bot")["price"] == 120.0)
        found = price(shop, sessionId="bot", experimentId="e7")
        assert (found["rule_id"], found["rules_version"], found["source"]) == (
            "recon",
            "first",
            "rules",
        )
        assert price(shop, sessionId="person")["rule_id"] == "ELSE"
        publish_elasticities(client, KEY, Figures("e-1", 1, {"room": -1.7}))
        wait_until(lambda: price(shop)["elasticity"] == -1.7)
        arms = (LiveArm("now", 0.5, "live"), LiveArm("more", 0.5, "second"))
        publish_release(
            client, KEY, make_live(2, "second", share=0.0, stable="first"), [FIRST, SECOND]
        )
        publish_experiments(
            client, KEY, LiveExperiments(1, (LiveExperiment("more", "salt", arms),), live_epoch=2)
        )
        wait_until(lambda: price(shop, sessionId="bot")["variant"] in ("now", "more"))
        publish_experiments(client, KEY, LiveExperiments(2, ()))
        publish_release(client, KEY, make_live(3, "first", is_killed=True), [FIRST])
        wait_until(lambda: price(shop, sessionId="bot")["source"] == "kill_switch")
        publish_prices(client, KEY, Figures("p-1", 1, {"room": 90.0}))
        publish_statement(client, KEY, APPROVED_NOW)
        publish_release(client, KEY, make_live(4, ""), [])
        wait_until(lambda: price(shop, sessionId="bot")["source"] == "global_price")
        write_session_prices(client, KEY, "bot", {"room": 95.0}, now_ms=time.time_ns() // 1_000_000)
        assert (price(shop, sessionId="bot")["price"], price(shop, sessionId="bot")["source"]) == (
            95.0,
            "session_price",
        )


@pytest.mark.slow
def test_models_score_in_the_service_and_are_swapped_when_announced(
    settings: Settings, client: redis.Redis, serve: Serve
) -> None:
    publish_model(client, KEY, "classifier", saved_classifier(settings), now_ms=1)
    publish_model(client, KEY, "multitask", saved_network(settings), now_ms=1)
    publish_release(
        client, KEY, make_live(1, "bands"), [release("bands", BANDS, {"classifier": "trees-1"})]
    )
    write_features(client, [session("bot", BOT), session("person", PERSON)])
    with serve(settings) as shop:
        found = price(shop, sessionId="bot")
        assert (found["price"], found["rule_id"], found["model_version"]) == (
            130.0,
            "likely_agent",
            "trees-1",
        )
        assert 0.5 < float(str(found["agent_probability"])) < 1
        assert 0 < float(str(found["purchase_probability"])) < 1
        assert price(shop, sessionId="person")["price"] == ROOM
        agent = shop.get("/api/detect-agent/bot").json()
        assert (agent["is_agent"], agent["model_version"]) == (True, "trees-1")
        assert agent["agent_probability"] == found["agent_probability"]
        assert shop.get("/api/detect-agent/nobody").json()["reason"] == "no_features"
        publish_model(client, KEY, "classifier", saved_classifier(settings, "trees-2"), now_ms=1)
        wait_until(lambda: price(shop, sessionId="bot")["model_version"] == "trees-2")
        publish_release(
            client,
            KEY,
            make_live(2, "bands", policy="model"),
            [release("bands", BANDS, {"classifier": "trees-1"})],
        )
        wait_until(lambda: price(shop, sessionId="bot")["source"] == "model")
        assert price(shop, sessionId="bot")["model_version"] == "net-1"
        models = shop.get("/models").json()
        assert models["models"] == [
            {"kind": "classifier", "version": "trees-2"},
            {"kind": "multitask", "version": "net-1"},
        ]
        assert models["classifier"] == {"kind": "classifier", "version": "trees-2"}
        assert models["multitask"] == {"kind": "multitask", "version": "net-1"}
        client.hset("classifier:agent_detector:latest", "version", "trees-3")
        reloaded = shop.post("/models/reload").json()
        assert (reloaded["success"], list(reloaded["problems"])) == (True, ["classifier"])
        assert reloaded["classifier"]["version"] == "trees-2"
        assert shop.get("/health").json()["status"] == "degraded"
        assert price(shop, sessionId="bot")["classifier_version"] == "trees-2"


def test_health_says_what_is_up(settings: Settings, serve: Serve) -> None:
    with serve(settings) as shop:
        found = shop.get("/health").json()
        assert (found["status"], found["redis"], found["products"], found["log"]) == (
            "healthy",
            True,
            2,
            "ok",
        )


def test_a_client_that_was_there_first_finds_every_field_it_reads(
    settings: Settings, client: redis.Redis, serve: Serve
) -> None:
    with serve(settings) as shop:
        found = price(shop)
        assert found["model_version"] == ""
        assert shop.get("/api/detect-agent/nobody").json()["model_version"] == ""
        reloaded = shop.post("/models/reload").json()
        assert (reloaded["elasticity_loaded"], reloaded["pricing_model_loaded"]) == (False, False)
        assert (reloaded["n_products"], reloaded["model_class"]) == (2, "")
        publish_elasticities(client, KEY, Figures("e-1", 1, {"room": -1.7}))
        publish_release(client, KEY, make_live(1, "first"), [FIRST])
        reloaded = shop.post("/models/reload").json()
        assert (reloaded["elasticity_loaded"], reloaded["pricing_model_loaded"]) == (True, True)
        assert reloaded["model_class"] == "first"
        assert isinstance(shop.get("/models").json(), dict)
        for path in ("/live", "/ready", "/health"):
            assert shop.head(path).status_code == shop.get(path).status_code == 200
            assert shop.head(path).content == b""


@pytest.mark.parametrize("service", ["pricing", "ingest"])
def test_list_pages_find_the_products_at_both_services(
    settings: Settings, serve: Serve, service: str
) -> None:
    with serve(settings) if service == "pricing" else served(ingest_app(settings)) as shop:
        for kind in ("hotel", "airline"):
            found = shop.get(f"/api/products/type/{kind}").json()
            assert (found["success"], found["count"]) == (True, 2)
            assert [(one["id"], one["type"], one["price"]) for one in found["products"]] == [
                ("room", kind, ROOM),
                ("suite", kind, SUITE),
            ]
        room = shop.get("/api/products/room").json()
        assert (room["productId"], room["base_price"], room["stock"]) == ("room", ROOM, 3.0)
        assert shop.get("/api/products/type/boat").status_code == 422


@pytest.mark.parametrize("policy", ["refuse", "own_base_price"])
def test_an_unknown_product_comes_with_what_to_do(
    settings: Settings, serve: Serve, policy: str
) -> None:
    told = settings.pricing.model_copy(update={"unknown_product": policy})
    with serve(settings.model_copy(update={"pricing": told})) as shop:
        for path in ("/api/hotel/price/castle", "/api/products/castle"):
            answer = shop.get(path)
            assert (answer.status_code, answer.json()["price_policy"]) == (404, policy)


def test_without_redis_prices_come_with_a_reason(settings: Settings, serve: Serve) -> None:
    with serve(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})) as shop:
        found = price(shop, sessionId="s1")
        assert (found["price"], found["reason"]) == (ROOM, "redis_down")
        health = shop.get("/health").json()
        assert (health["status"], health["redis"]) == ("degraded", False)
        refused = shop.post("/models/reload")
        assert (refused.status_code, "nothing listens" in refused.json()["error"]) == (503, True)
        assert 'phantom_fallbacks_total{reason="redis_down"}' in shop.get("/metrics").text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/api/hotel/price/castle", 404, "There is no product 'castle'."),
        ("/api/train/price/room", 422, "hotel"),
        ("/api/hotel/price/room?sessionId=" + "x" * 257, 422, "256"),
        ("/api/hotel/price", 404, "Not Found."),
        ("/api/hotel/price/%00", 404, "There is no product"),
    ],
)
def test_what_cannot_be_answered_says_why(
    settings: Settings, serve: Serve, path: str, status: int, says: str
) -> None:
    with serve(settings) as shop:
        answer = shop.get(path)
        assert answer.status_code == status
        assert says in answer.json()["error"]
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_sql_in_a_session_id_is_a_session_that_nobody_knows(
    settings: Settings, client: redis.Redis, serve: Serve
) -> None:
    publish_release(client, KEY, make_live(1, "first"), [FIRST])
    with serve(settings) as shop:
        found = price(shop, sessionId="x'; DROP TABLE sessions; --")
        assert (found["price"], found["reason"]) == (ROOM, "no_features")


def test_a_method_that_is_not_answered_says_so(settings: Settings, serve: Serve) -> None:
    with serve(settings) as shop:
        answer = shop.post("/api/hotel/price/room")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_a_key_is_asked_for_where_there_are_keys(settings: Settings, serve: Serve) -> None:
    with serve(
        settings.model_copy(update={"services": ServiceSettings(api_keys=("secret", "other"))})
    ) as shop:
        path = "/api/hotel/price/room"
        assert shop.get(path).json()["error"] == "This needs an API key."
        for headers, status in (
            ({"X-API-Key": "secret"}, 200),
            ({"Authorization": "Bearer other"}, 200),
            ({"X-API-Key": "wrong"}, 401),
            ({"Authorization": "Basic secret"}, 401),
            ({"X-API-Key": ""}, 401),
        ):
            assert shop.get(path, headers=headers).status_code == status
        assert shop.get("/health").status_code == 200
        assert shop.get("/metrics").status_code == 200


def test_a_request_keeps_the_id_it_came_with(settings: Settings, serve: Serve) -> None:
    with serve(settings) as shop:
        assert (
            shop.get("/health", headers={"X-Request-Id": "abc-1"}).headers["x-request-id"]
            == "abc-1"
        )
        assert shop.get("/health", headers={"X-Request-Id": "a b\tc"}).headers[
            "x-request-id"
        ] not in ("", "a b\tc")


def test_web_pages_may_ask_where_they_are_allowed_to(settings: Settings, serve: Serve) -> None:
    with serve(
        settings.model_copy(
            update={"services": ServiceSettings(cors_origins=("https://shop.example",))}
        )
    ) as shop:
        for origin, allowed in (
            ("https://shop.example", "https://shop.example"),
            ("https://evil.example", None),
        ):
            answer = shop.get("/api/hotel/price/room", headers={"Origin": origin})
            assert answer.headers.get("access-control-allow-origin") == allowed


def test_limits_hold_where_nothing_is_live(
    tmp_path: Path, settings: Settings, client: redis.Redis, serve: Serve
) -> None:
    # The server of the shop, and a control database of its own.
    own = settings.model_copy(
        update={
            "database_url": f"sqlite:///{tmp_path / 'control.sqlite'}",
            "audit": AuditSettings(anchor_file=tmp_path / "anchor.jsonl"),
        }
    )
    set_limits(
        control_engine(own),
        MACHINE,
        {"highest_markup": 1.2},
        own,
        now_ms=1,
    )
    write_session_prices(client, KEY, "s1", {"room": 140.0}, now_ms=time.time_ns() // 1_000_000)
    publish_statement(client, KEY, APPROVED_NOW)
    with serve(own) as shop:
        found = price(shop, sessionId="s1")
        assert (found["price"], found["source"], found["guard_rail"]) == (
            120.0,
            "session_price",
            "highest",
        )


def test_prices_go_on_without_the_control_database(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    gone = settings.model_copy(
        update={
            "database_url": "postgresql://127.0.0.1:1/phantom",
            "limits": LimitSettings(highest_markup=1.3),
        }
    )
    assert initial_objective(gone).guard_rails == GuardRails(0.7, 1.3)
    assert "Guard rails are the settings' own until something is live." in caplog.text


def test_guard_rails_of_what_is_live_hold_over_http(
    settings: Settings, client: redis.Redis, serve: Serve
) -> None:
    write_features(client, [session("bot", BOT)])
    publish_release(client, KEY, replace(make_live(1, "second"), highest_markup=1.1), [SECOND])
    with serve(settings) as shop:
        found = price(shop, sessionId="bot")
        assert (found["price"], found["guard_rail"], found["rule_id"]) == (
            110.0,
            "highest",
            "recon",
        )
        assert json.dumps(found)
