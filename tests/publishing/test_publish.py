"""What is published is what readers read; what is later or different stays."""

import pytest
import redis

from phantom_core.core.errors import ConflictError, InputError, NotFoundError
from phantom_core.publishing.live import NOTHING_LIVE
from phantom_core.publishing.publish import (
    NotSwitchedError,
    publish_release,
    read_live,
    read_published,
    read_release,
)
from tests.publishing.samples import (
    FIRST,
    KEY,
    KEYS,
    LIVE_FIRST,
    LIVE_SECOND,
    SECOND,
    make_live,
    release,
)


def test_nothing_is_live_before_anything_is_published(client: redis.Redis) -> None:
    assert read_live(client, KEYS) is None
    assert read_published(client, KEYS) is None


def test_what_is_published_is_read_back_whole(client: redis.Redis) -> None:
    publish_release(client, KEY, LIVE_SECOND, [FIRST, SECOND])
    published = read_published(client, KEYS)
    assert published
    assert published.live == LIVE_SECOND
    assert published.releases == {"first-1": FIRST, "second-2": SECOND}
    assert read_release(client, KEYS, "second-2").rules() == SECOND.rules()


def test_the_same_again_changes_nothing(client: redis.Redis) -> None:
    for _ in range(2):
        publish_release(client, KEY, LIVE_FIRST, [FIRST])
    assert read_live(client, KEYS) == LIVE_FIRST


def test_a_later_epoch_stays(client: redis.Redis) -> None:
    publish_release(client, KEY, LIVE_SECOND, [FIRST, SECOND])
    with pytest.raises(
        NotSwitchedError, match="already holds epoch 2, and this is epoch 1"
    ) as error:
        publish_release(client, KEY, LIVE_FIRST, [FIRST])
    assert isinstance(error.value, ConflictError)
    assert read_live(client, KEYS) == LIVE_SECOND


def test_other_content_under_the_same_epoch_is_a_conflict(client: redis.Redis) -> None:
    publish_release(client, KEY, LIVE_FIRST, [FIRST])
    with pytest.raises(
        NotSwitchedError, match="rules:live already holds something else under epoch 1"
    ):
        publish_release(client, KEY, make_live(1, "second-2"), [SECOND])
    assert read_live(client, KEYS) == LIVE_FIRST


def test_a_version_never_changes(client: redis.Redis) -> None:
    publish_release(client, KEY, LIVE_FIRST, [FIRST])
    with pytest.raises(
        NotSwitchedError, match="rules:first-1 is already on the server with other content"
    ):
        publish_release(client, KEY, make_live(2, "first-1"), [release("first-1", 1.5)])
    assert read_live(client, KEYS) == LIVE_FIRST
    assert read_release(client, KEYS, "first-1") == FIRST


def test_rules_that_are_not_given_cannot_go_live(client: redis.Redis) -> None:
    with pytest.raises(InputError, match="Version first-1 is to be live"):
        publish_release(client, KEY, LIVE_SECOND, [SECOND])
    assert client.keys() == []


def test_epochs_begin_with_1(client: redis.Redis) -> None:
    with pytest.raises(InputError, match="Nothing can be published under epoch 0"):
        publish_release(client, KEY, NOTHING_LIVE, [])
    assert not client.keys()


def test_the_base_price_is_published_without_rules(client: redis.Redis) -> None:
    publish_release(client, KEY, make_live(3, ""), [])
    live = read_live(client, KEYS)
    assert live
    assert live.version_for("anyone") == ""


def test_rules_that_were_never_published_are_not_found(client: redis.Redis) -> None:
    with pytest.raises(NotFoundError, match="There is no rules:lost-9 at "):
        read_release(client, KEYS, "lost-9")


def test_who_gets_what() -> None:
    sessions = [f"s{n}" for n in range(1000)]
    versions = [LIVE_SECOND.version_for(one) for one in sessions]
    assert set(versions) == {"second-2", "first-1"}
    assert 60 < versions.count("second-2") < 140
    assert {make_live(3, "second-2", is_killed=True).version_for(one) for one in sessions} == {""}
    assert {NOTHING_LIVE.version_for(one) for one in sessions} == {""}
