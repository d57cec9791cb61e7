"""Listeners receive every change once, also one published while they were disconnected."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from phantom_core.core.errors import DataError
from phantom_core.core.settings import Settings
from phantom_core.publishing.announce import Listener, poll_announcements
from phantom_core.publishing.announcement import Announcement
from phantom_core.publishing.experiments import LiveExperiments, publish_experiments
from phantom_core.publishing.figures import Figures, publish_elasticities, publish_prices
from phantom_core.publishing.models import publish_model
from phantom_core.publishing.names import CHANNEL
from phantom_core.publishing.publish import publish_release
from phantom_core.valkey.server import connect_server
from tests.publishing.proxy import Proxy
from tests.publishing.samples import FIRST, KEY, LIVE_FIRST, LIVE_SECOND, SECOND, SavedModel
from tests.publishing.servers import OwnServer

FIRST_ANNOUNCED, SECOND_ANNOUNCED = (
    Announcement("rules", "first-1", 1),
    Announcement("rules", "second-2", 2),
)
NEVER = 3600.0


def eventually(holds: Callable[[], bool], within_s: float = 10.0) -> None:
    until_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until_s, "it never came true"
        time.sleep(0.005)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnServer]:
    with OwnServer(tmp_path / "server", appendonly="yes", appendfsync="always") as server:
        yield server


def test_all_kinds_are_announced_at_once(client: redis.Redis) -> None:
    received: list[Announcement] = []
    with Listener(client, received.append, poll_s=NEVER) as listener:
        eventually(lambda: not listener.problem)
        publish_release(client, KEY, LIVE_FIRST, [FIRST])
        publish_model(client, KEY, "classifier", SavedModel("trees-1"), now_ms=1)
        publish_model(client, KEY, "multitask", SavedModel("net-1"), now_ms=1)
        publish_prices(client, KEY, Figures("p-1", 1, {"a": 9.5}))
        publish_elasticities(client, KEY, Figures("e-1", 1, {"a": -2.0}))
        publish_experiments(client, KEY, LiveExperiments(4, ()))
        eventually(lambda: len(received) == 6)
    assert set(received) == {
        FIRST_ANNOUNCED,
        Announcement("classifier", "trees-1"),
        Announcement("multitask", "net-1"),
        Announcement("prices", "p-1"),
        Announcement("elasticity", "e-1"),
        Announcement("experiments", "4", 4),
    }


def test_existing_content_is_announced_first(client: redis.Redis) -> None:
    publish_release(client, KEY, LIVE_FIRST, [FIRST])
    assert next(poll_announcements(client, threading.Event())) == FIRST_ANNOUNCED


def test_words_that_are_repeated_or_forged_tell_nothing(client: redis.Redis) -> None:
    publish_release(client, KEY, LIVE_FIRST, [FIRST])
    received: list[Announcement] = []
    with Listener(client, received.append, poll_s=NEVER):
        eventually(lambda: received == [FIRST_ANNOUNCED])
        for word in (FIRST_ANNOUNCED.to_bytes(), SECOND_ANNOUNCED.to_bytes(), b"\xff nonsense"):
            assert client.publish(CHANNEL, word)
        publish_release(client, KEY, LIVE_FIRST, [FIRST])
        publish_release(client, KEY, LIVE_SECOND, [FIRST, SECOND])
        eventually(lambda: len(received) > 1)
    assert received == [FIRST_ANNOUNCED, SECOND_ANNOUNCED]


def test_content_without_an_announcement_is_found_by_polling(client: redis.Redis) -> None:
    received: list[Announcement] = []
    with Listener(client, received.append, poll_s=0.05):
        client.set("rules:live", LIVE_FIRST.to_bytes())
        eventually(lambda: received == [FIRST_ANNOUNCED])
        client.set("rules:live", replace(LIVE_FIRST, share=0.5).to_bytes())
        eventually(lambda: received == [FIRST_ANNOUNCED, FIRST_ANNOUNCED])
        client.delete("rules:live")
        eventually(lambda: received[2:] == [Announcement("rules", "", 0)])
        client.set("rules:live", "nonsense")
        eventually(lambda: len(received) == 4)
        client.delete("rules:live")
        client.lpush("rules:live", "x")
        eventually(lambda: len(received) == 5)
    assert received[3:] == [Announcement("rules", "", 0)] * 2


def test_content_that_could_not_be_read_is_announced_again(client: redis.Redis) -> None:
    received: list[Announcement] = []

    def receive(announcement: Announcement) -> None:
        received.append(announcement)
        if len(received) < 3:
            raise DataError("Half of it is missing.")

    publish_release(client, KEY, LIVE_FIRST, [FIRST])
    with Listener(client, receive, poll_s=0.02) as listener:
        eventually(lambda: received == [FIRST_ANNOUNCED] * 3)
        time.sleep(0.1)
        assert (len(received), listener.problem) == (3, "")


def test_announcements_resume_once_a_killed_server_is_back(server: OwnServer) -> None:
    received: list[Announcement] = []
    with server.client() as client, Listener(client, received.append) as listener:
        publish_release(client, KEY, LIVE_FIRST, [FIRST])
        eventually(lambda: received == [FIRST_ANNOUNCED])
        server.kill()
        eventually(lambda: "is not running" in listener.problem)
        server.start()
        with server.client() as other:
            publish_release(other, KEY, LIVE_SECOND, [FIRST, SECOND])
        eventually(lambda: received == [FIRST_ANNOUNCED, SECOND_ANNOUNCED])
        assert listener.problem == ""


def test_a_change_during_a_dead_connection_is_announced_when_it_is_back(
    server: OwnServer,
) -> None:
    received: list[Announcement] = []
    other, proxy = OwnServer(server.folder.parent / "other"), Proxy(server.port)
    with (
        other,
        proxy,
        server.client(port=proxy.port) as client,
        Listener(client, received.append, poll_s=0.05),
    ):
        with server.client() as direct:
            publish_release(direct, KEY, LIVE_FIRST, [FIRST])
        eventually(lambda: received == [FIRST_ANNOUNCED])
        with other.client() as replacement:
            publish_release(replacement, KEY, LIVE_SECOND, [FIRST, SECOND])
        proxy.redirect(other.port)
        eventually(lambda: received == [FIRST_ANNOUNCED, SECOND_ANNOUNCED])


@pytest.mark.slow
def test_a_frozen_server_is_noticed_and_stopping_does_not_wait_for_it(server: OwnServer) -> None:
    with server.client() as client, Listener(client, lambda _: None, poll_s=0.05) as listener:
        eventually(lambda: not listener.problem)
        server.freeze()
        eventually(lambda: "does not answer in time" in listener.problem)
        started_s = time.monotonic()
        listener.close()
        assert time.monotonic() - started_s < 3


def test_another_process_receives_a_change_within_a_moment(
    client: redis.Redis, settings: Settings
) -> None:
    program = """
import sys, threading
from pathlib import Path
from phantom_core.core.errors import DataError
from phantom_core.publishing.announce import poll_announcements
from phantom_core.publishing.publish import read_published
from phantom_core.valkey.server import connect_server
from phantom_core.core.settings import Settings
from tests.publishing.samples import KEYS
with connect_server(Settings(workspace=Path(sys.argv[1]), redis_url=sys.argv[2])) as client:
    for word in poll_announcements(client, threading.Event()):
        print(word.version, read_published(client, KEYS).live.epoch, flush=True)
"""
    publish_release(client, KEY, LIVE_FIRST, [FIRST])
    command = [sys.executable, "-c", program, str(settings.workspace), settings.redis_url]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as listener:
        assert listener.stdout
        assert listener.stdout.readline() == "first-1 1\n"
        started_s = time.monotonic()
        publish_release(client, KEY, LIVE_SECOND, [FIRST, SECOND])
        assert listener.stdout.readline() == "second-2 2\n"
        assert time.monotonic() - started_s < 0.5
        listener.terminate()


def test_a_closed_listener_stops(client: redis.Redis) -> None:
    listener = Listener(client, lambda _: None, poll_s=NEVER)
    eventually(lambda: not listener.problem)
    started_s = time.monotonic()
    listener.close()
    assert time.monotonic() - started_s < 1


def test_the_client_stays_usable_after_listening(embedded: Settings) -> None:
    with connect_server(embedded) as client:
        stop = threading.Event()
        with Listener(client, lambda _: None):
            pass
        stop.set()
        assert list(poll_announcements(client, stop)) == []
        assert client.ping()
