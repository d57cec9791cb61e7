"""Announce: hear of what is newly published, at once by subscription, and by polling where a word
got lost.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Self

import redis
from redis.client import PubSub

from phantom_core.core.errors import PhantomError, UnavailableError
from phantom_core.publishing.announcement import Announcement, Kind
from phantom_core.publishing.latest import Latest, read_latest
from phantom_core.publishing.names import CHANNEL
from phantom_core.valkey.server import guarded_calls

POLL_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 5.0
_FIRST_PAUSE_S: Final = 0.05
# How soon a listener that is told to stop does so.
_LISTEN_S: Final = 0.2


def poll_announcements(
    client: redis.Redis,
    stop: threading.Event,
    *,
    poll_s: float = POLL_S,
    on_problem: Callable[[str], None] = lambda _: None,
    known: dict[Kind, bytes] | None = None,
) -> Iterator[Announcement]:
    """Tell of everything that is published: first what is there already, then whatever changes,
    until stopped.

    A word on the channel only wakes the listener: it then looks at the keys, so that a word that is
    lost, doubled or forged tells nothing wrong. The same look every `poll_s` finds what was
    published while no connection was there. Lost connections are made anew.

    Args:
        client: the server.
        stop: ends the iterator within a fraction of a second.
        poll_s: time between two looks without a word, seconds.
        on_problem: called with a sentence when the server cannot be heard, and with an empty one
            when it can.
        known: filled with what was told of each kind; whoever could not read a kind takes it out,
            and is told of it again at the next look.
    Yields:
        One announcement for every kind whose content is another than before; its version is empty
        where a key is gone.
    """
    known = {} if known is None else known
    pause_s = _FIRST_PAUSE_S
    while not stop.is_set():
        try:
            with guarded_calls(client), client.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]
                channel.subscribe(CHANNEL)
                while not stop.is_set():
                    latest = read_latest(client)
                    on_problem("")
                    pause_s = _FIRST_PAUSE_S
                    yield from _news(latest, known)
                    _wait(channel, stop, poll_s)
        except UnavailableError as error:
            on_problem(str(error))
            stop.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


class Listener:
    """A thread that hears announcements until it is closed.

    Args:
        client: the server.
        hear: called with every announcement, in the thread; where it raises a PhantomError, it is
            told again at the next look.
        poll_s: time between two looks without a word, seconds.
    """

    def __init__(
        self, client: redis.Redis, hear: Callable[[Announcement], None], *, poll_s: float = POLL_S
    ) -> None:
        self._client, self._hear, self._poll_s = client, hear, poll_s
        self._stop = threading.Event()
        self._problem = "Not connected yet."
        self._thread = threading.Thread(target=self._run, name="phantom-announcements", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str:
        """Why nothing can be heard at the moment, or what could not be read; empty while all is
        well.
        """
        return self._problem

    def close(self) -> None:
        """Stop hearing."""
        self._stop.set()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        known: dict[Kind, bytes] = {}
        for announcement in poll_announcements(
            self._client, self._stop, poll_s=self._poll_s, on_problem=self._note, known=known
        ):
            try:
                self._hear(announcement)
            except PhantomError as error:
                self._note(str(error))
                known.pop(announcement.kind, None)

    def _note(self, problem: str) -> None:
        self._problem = problem


def _news(latest: Mapping[Kind, Latest], known: dict[Kind, bytes]) -> Iterator[Announcement]:
    for kind, one in latest.items():
        if one.token != known.get(kind, b""):
            known[kind] = one.token
            yield one.announcement


def _wait(channel: PubSub, stop: threading.Event, poll_s: float) -> None:
    """Until a word is heard, or it is time to look without one."""
    until_s = time.monotonic() + poll_s
    while not stop.is_set() and (left_s := until_s - time.monotonic()) > 0:
        if channel.get_message(timeout=min(_LISTEN_S, left_s)):
            while channel.get_message(timeout=0):
                pass
            return
