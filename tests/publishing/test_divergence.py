"""What the server holds against what is meant to be live, in words, and healed exactly."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from phantom_core.core.errors import ConflictError, InputError, UnavailableError
from phantom_core.publishing.divergence import compare_documents, restore_documents
from phantom_core.publishing.live import NOTHING_LIVE, sign_live
from phantom_core.publishing.publish import NotSwitchedError, publish_release, read_published
from phantom_core.publishing.release import sign_release
from tests.publishing.samples import (
    FIRST,
    KEY,
    KEYS,
    LIVE_FIRST,
    LIVE_SECOND,
    SECOND,
    STRANGER,
    release,
)

RELEASES = [FIRST, SECOND]
STRAY = replace(LIVE_SECOND, epoch=99, version="first-1", stable="", audit_seq=1)


@pytest.fixture
def published(client: redis.Redis) -> redis.Redis:
    publish_release(client, KEY, LIVE_SECOND, RELEASES)
    return client


def said(client: redis.Redis) -> list[str]:
    return [str(one) for one in compare_documents(client, KEYS, LIVE_SECOND, RELEASES)]


def test_nothing_differs_after_a_publish(published: redis.Redis) -> None:
    assert said(published) == []


WRONGS: dict[str, tuple[Callable[[redis.Redis], object], list[str]]] = {
    "all is gone": (
        lambda server: server.flushdb(),
        [
            "rules:live: expected epoch 2, version second-2, found nothing.",
            "rules:second-2: expected the rules that were approved (SHA-256 "
            f"{SECOND.sha256[:12]}), found nothing.",
            f"rules:first-1: expected the rules that were approved (SHA-256 {FIRST.sha256[:12]}), "
            "found nothing.",
        ],
    ),
    "the pointer is gone": (
        lambda server: server.delete("rules:live"),
        ["rules:live: expected epoch 2, version second-2, found nothing."],
    ),
    "a stray later epoch": (
        lambda server: server.set("rules:live", sign_live(KEY, STRAY)),
        [
            "rules:live, epoch: expected 2, found 99.",
            "rules:live, version: expected second-2, found first-1.",
            "rules:live, stable: expected first-1, found none.",
            "rules:live, audit_seq: expected 8, found 1.",
        ],
    ),
    "an older epoch": (
        lambda server: server.set("rules:live", sign_live(KEY, replace(LIVE_SECOND, epoch=1))),
        ["rules:live, epoch: expected 2, found 1."],
    ),
    "another share under the same epoch": (
        lambda server: server.set("rules:live", sign_live(KEY, replace(LIVE_SECOND, share=1.0))),
        ["rules:live, share: expected 0.1, found 1.0."],
    ),
    "no document": (
        lambda server: server.set("rules:live", "bands-7"),
        [
            "rules:live: expected epoch 2, version second-2, "
            "found a document that was not published (rules:live is not signed, so it is not "
            "followed)."
        ],
    ),
    "written differently": (
        lambda server: server.append("rules:live", b" "),
        [
            "rules:live: expected epoch 2, version second-2, found a document that was not "
            "published (rules:live does not match its signature)."
        ],
    ),
    "a list": (
        lambda server: (server.delete("rules:live"), server.lpush("rules:live", "x")),
        ["rules:live: expected epoch 2, version second-2, found a list."],
    ),
    "rules that were changed": (
        lambda server: server.set("rules:first-1", sign_release(KEY, release("first-1", 1.5))),
        [
            f"rules:first-1: expected the rules that were approved (SHA-256 {FIRST.sha256[:12]}), "
            f"found {len(sign_release(KEY, release('first-1', 1.5)))} bytes of other content."
        ],
    ),
    "rules that will be forgotten": (
        lambda server: server.expire("rules:first-1", 600),
        ["rules:first-1: expected no expiry, found an expiry in 600 s."],
    ),
    "a pointer that will be forgotten": (
        lambda server: server.expire("rules:live", 60),
        ["rules:live: expected no expiry, found an expiry in 60 s."],
    ),
}


@pytest.mark.parametrize("wrong", WRONGS)
def test_what_differs_is_said_and_healed(published: redis.Redis, wrong: str) -> None:
    happens, sentences = WRONGS[wrong]
    happens(published)
    assert said(published) == sentences
    restore_documents(published, KEY, LIVE_SECOND, RELEASES)
    assert said(published) == []
    found = read_published(published, KEYS)
    assert found
    assert (found.live, set(found.releases)) == (LIVE_SECOND, {"first-1", "second-2"})


def test_a_watcher_without_force_leaves_what_says_it_is_later(published: redis.Redis) -> None:
    published.set("rules:live", sign_live(KEY, STRAY))
    with pytest.raises(ConflictError, match="holds epoch 99, later than epoch 2"):
        restore_documents(published, KEY, LIVE_SECOND, RELEASES, force=False)
    assert len(said(published)) == 4
    published.delete("rules:live")
    restore_documents(published, KEY, LIVE_SECOND, RELEASES, force=False)
    assert said(published) == []


def test_publishing_goes_on_above_a_stray_epoch_once_it_is_healed(published: redis.Redis) -> None:
    published.set("rules:live", sign_live(KEY, STRAY))
    third = replace(LIVE_SECOND, epoch=3)
    with pytest.raises(NotSwitchedError, match="already holds epoch 99"):
        publish_release(published, KEY, third, RELEASES)
    restore_documents(published, KEY, LIVE_SECOND, RELEASES)
    publish_release(published, KEY, third, RELEASES)
    assert compare_documents(published, KEYS, third, RELEASES) == ()


@pytest.mark.parametrize(
    "forged",
    ["[1]", "bands-7", STRAY.to_bytes(), sign_live(STRANGER, STRAY)],
    ids=["a list", "text", "unsigned", "signed by a stranger"],
)
def test_a_pointer_that_nobody_signed_blocks_no_switch(
    published: redis.Redis, forged: str | bytes
) -> None:
    published.set("rules:live", forged)
    third = replace(LIVE_SECOND, epoch=3)
    publish_release(published, KEY, third, RELEASES)
    assert compare_documents(published, KEYS, third, RELEASES) == ()


def test_where_nothing_is_meant_to_be_live_nothing_is_left(published: redis.Redis) -> None:
    [one] = compare_documents(published, KEYS, NOTHING_LIVE, [])
    assert (one.what, one.expected) == ("rules:live", "nothing")
    restore_documents(published, KEY, NOTHING_LIVE, [])
    assert compare_documents(published, KEYS, NOTHING_LIVE, []) == ()
    assert not published.exists("rules:live")


def test_rules_that_are_not_given_cannot_be_restored(published: redis.Redis) -> None:
    with pytest.raises(InputError, match="Version second-2 is to be live"):
        restore_documents(published, KEY, LIVE_SECOND, [FIRST])


def test_a_server_that_is_away_cannot_be_compared(tmp_path: object) -> None:
    from phantom_core.core.settings import Settings
    from phantom_core.valkey.server import connect_server

    with connect_server(Settings(redis_url="redis://127.0.0.1:1/0")) as client:
        for attempt in (
            lambda: compare_documents(client, KEYS, LIVE_FIRST, [FIRST]),
            lambda: restore_documents(client, KEY, LIVE_FIRST, [FIRST]),
        ):
            with pytest.raises(
                UnavailableError, match=r"The server at redis://127.0.0.1:1/0 is not running"
            ):
                attempt()
