"""Several publishers at once: the latest epoch wins, and readers never see a partial document."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import redis

from phantom_core.core.settings import Settings
from phantom_core.publishing.publish import (
    NotSwitchedConflictError,
    publish_release,
    read_published,
)
from phantom_core.valkey.server import connect_server
from tests.publishing.samples import KEY, KEYS, make_live, release

pytestmark = pytest.mark.slow

N_PUBLISHERS, N_EACH = 4, 25
ROOT = Path(__file__).parents[2]
PUBLISHER = """
import sys
from pathlib import Path
from phantom_core.core.settings import Settings
from tests.publishing.test_races import publish_many
from phantom_core.valkey.server import connect_server
kind, place, k = sys.argv[1:]
embedded = kind == "embedded"
settings = Settings(workspace=Path(place), redis_url="") if embedded else Settings(redis_url=place)
with connect_server(settings) as client:
    print("ready", flush=True)
    sys.stdin.readline()
    print(*publish_many(client, int(k)))
"""


def epochs_of(k: int) -> range:
    """Epochs of the k-th publisher: together they are 1 … N, each once, interleaved."""
    return range(1 + k, 1 + N_PUBLISHERS * N_EACH, N_PUBLISHERS)


def publish_many(client: redis.Redis, k: int) -> list[int]:
    """Publish what is the k-th publisher's; epochs that went live."""
    went_live = []
    for epoch in epochs_of(k):
        releases = [
            release(f"new-{epoch}", 1 + epoch / 1000),
            release(f"stable-{epoch}", 1 + epoch / 2000),
        ]
        try:
            publish_release(
                client, KEY, make_live(epoch, f"new-{epoch}", 0.5, f"stable-{epoch}"), releases
            )
        except NotSwitchedConflictError:
            continue
        went_live.append(epoch)
    return went_live


class Reader:
    """Reads all the while; what it saw must be whole, and never go back."""

    def __init__(self, settings: Settings) -> None:
        self.seen: list[int] = []
        self.wrong: list[object] = []
        self._stop = threading.Event()
        self._client = connect_server(settings)
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                if found := read_published(self._client, KEYS):
                    self.seen.append(found.live.epoch)
                    epoch = found.live.epoch
                    if set(found.releases) != {f"new-{epoch}", f"stable-{epoch}"}:
                        self.wrong.append(found)
            except Exception as error:
                self.wrong.append(error)

    def check(self) -> None:
        assert self.wrong == []
        assert self.seen == sorted(self.seen)
        assert len(set(self.seen)) > 3


def check_end(client: redis.Redis, went_live: list[list[int]]) -> None:
    found = read_published(client, KEYS)
    assert found
    assert found.live.epoch == N_PUBLISHERS * N_EACH
    assert found.live.epoch in went_live[-1]
    assert all(epochs == sorted(epochs) for epochs in went_live)


def test_threads(client: redis.Redis, settings: Settings) -> None:
    went_live: list[list[int]] = [[] for _ in range(N_PUBLISHERS)]
    threads = [
        threading.Thread(target=lambda k=k: went_live[k].extend(publish_many(client, k)))
        for k in range(N_PUBLISHERS)
    ]
    with Reader(settings) as reader:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    reader.check()
    check_end(client, went_live)


def test_processes(client: redis.Redis, settings: Settings) -> None:
    place = (
        ["url", settings.redis_url] if settings.redis_url else ["embedded", str(settings.workspace)]
    )
    command = [sys.executable, "-c", PUBLISHER, *place]
    publishers = [
        subprocess.Popen(
            [*command, str(k)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for k in range(N_PUBLISHERS)
    ]
    for one in publishers:
        assert one.stdout and one.stdout.readline() == "ready\n"
    with Reader(settings) as reader:
        for one in publishers:
            assert one.stdin
            one.stdin.write("go\n")
            one.stdin.flush()
        answers = [one.communicate(timeout=60)[0] for one in publishers]
    reader.check()
    check_end(client, [[int(epoch) for epoch in answer.split()] for answer in answers])
