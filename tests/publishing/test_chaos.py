"""While a server is killed repeatedly, two clients publish and two read without wrong answers."""

import random
import threading
import time
from pathlib import Path

import pytest

from phantom_core.core.errors import PhantomError, UnavailableError
from phantom_core.publishing.publish import (
    NotSwitchedError,
    UncertainError,
    publish_release,
    read_published,
)
from tests.publishing.samples import KEY, KEYS, make_live, release
from tests.publishing.servers import BINARIES, OwnServer

pytestmark = pytest.mark.slow

SEED, FOR_S = 20_261, 3.0
IMPATIENT = "?socket_timeout=0.3"


class Play:
    """Answers to publishers, documents of readers, and violations."""

    def __init__(self, server: OwnServer) -> None:
        self.server, self.stop, self.guard = server, threading.Event(), threading.Lock()
        self.epoch = self.confirmed = 0
        self.refused: set[int] = set()
        self.seen: set[int] = set()
        self.wrong: list[object] = []

    def publisher(self) -> None:
        with self.server.client(options=IMPATIENT) as client:
            while not self.stop.is_set():
                with self.guard:
                    self.epoch += 1
                    epoch = self.epoch
                releases = [
                    release(f"new-{epoch}", 1 + epoch / 20_000),
                    release(f"stable-{epoch}", 1 + epoch / 40_000),
                ]
                try:
                    publish_release(
                        client,
                        KEY,
                        make_live(epoch, f"new-{epoch}", 0.5, f"stable-{epoch}"),
                        releases,
                    )
                except NotSwitchedError:
                    self.refused.add(epoch)
                except UncertainError:
                    continue
                else:
                    with self.guard:
                        self.confirmed = max(self.confirmed, epoch)

    def reader(self) -> None:
        last = 0
        with self.server.client(options=IMPATIENT) as client:
            while not self.stop.is_set():
                at_least = max(last, self.confirmed)
                try:
                    found = read_published(client, KEYS)
                except UnavailableError:
                    continue
                except PhantomError as error:
                    self.wrong.append(error)
                    continue
                last = found.live.epoch if found else 0
                if last < at_least or (
                    found and set(found.releases) != {f"new-{last}", f"stable-{last}"}
                ):
                    self.wrong.append((last, at_least, found))
                self.seen.add(last)


@pytest.mark.parametrize("kind", [kind for kind, binary in BINARIES.items() if binary])
def test_nothing_said_becomes_untrue(tmp_path: Path, kind: str) -> None:
    rng = random.Random(SEED)
    with OwnServer(tmp_path, kind, appendonly="yes", appendfsync="always") as server:
        play = Play(server)
        threads = [threading.Thread(target=part) for part in 2 * (play.publisher, play.reader)]
        for thread in threads:
            thread.start()
        until_s = time.monotonic() + FOR_S
        while time.monotonic() < until_s:
            time.sleep(rng.uniform(0.02, 0.3))
            server.kill()
            time.sleep(rng.uniform(0, 0.05))
            server.start()
        play.stop.set()
        for thread in threads:
            thread.join()
    assert play.wrong == []
    assert play.confirmed
    assert not play.refused & play.seen
    assert len(play.seen) > 10
