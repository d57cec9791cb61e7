"""A shop whose prices are attacked: a real server, a signed release, and the pricing API."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import redis

from phantom_core.approvals.limits import seeded_database
from phantom_core.core.settings import PricingSettings, Settings
from phantom_core.publishing.publish import publish_release
from phantom_core.publishing.session_features import write_features
from tests.publishing.samples import KEY, make_live
from tests.services.conftest import served
from tests.services.samples import BOT, FAST, release, session

ROOM = 100.0
FIRST, SECOND = release("first", FAST.format(1.2)), release("second", FAST.format(1.4))
EVIL = release("evil", FAST.format(9.0))


def settings_of(workspace: Path, **changes: Any) -> Settings:
    catalogue = workspace / "catalogue.json"
    catalogue.write_text(json.dumps([{"product_id": "room", "base_price": ROOM}]))
    # A slow machine is no attack: the features of the session always arrive.
    pricing = PricingSettings(catalogue=str(catalogue), pricing_deadline_ms=5_000, **changes)
    settings = Settings(workspace=workspace, redis_url="", pricing=pricing)
    seeded_database(settings)  # before anything is live, as an installation does
    return settings


def start_afresh(settings: Settings, client: redis.Redis) -> None:
    """Nothing was ever followed; then the first rules are live, and a bot is on the site."""
    shutil.rmtree(settings.paths.followed.parent, ignore_errors=True)
    settings.paths.kill_file.unlink(missing_ok=True)
    client.flushall()
    publish_release(client, KEY, make_live(5, "first"), [FIRST])
    write_features(client, [session("bot", BOT)])


@contextmanager
def shop(settings: Settings) -> Iterator[httpx.Client]:
    """The pricing API; the bot pays what the first rules say."""
    with served(settings) as client:
        yield client


def price(shop: httpx.Client, session_id: str = "bot") -> float:
    return shop.get("/api/hotel/price/room", params={"sessionId": session_id}).json()["price"]


def health(shop: httpx.Client) -> dict:
    return shop.get("/health").json()


def stays(shop: httpx.Client, expected: float, seconds: float = 0.7) -> None:
    """The price stays the same for a while, in which a change would have been taken up."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        assert price(shop) == expected
        time.sleep(0.05)
