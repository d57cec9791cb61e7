"""Announcements of published content, received by subscription and, as a fallback, by polling."""

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
# Longest time until a listener stops after a call of `close`.
_LISTEN_S: Final = 0.2


def poll_announcements(
    client: redis.Redis,
    stop: threading.Event,
    *,
    poll_s: float = POLL_S,
    on_problem: Callable[[str], None] = lambda _: None,
    known: dict[Kind, bytes] | None = None,
) -> Iterator[Announcement]:
    """Yield everything that is published: first the current content, then every change, until stop.

    A message on the channel only triggers a poll of the keys, so a message that is lost, repeated
    or forged does no harm. A poll every `poll_s` finds what was published while there was no
    connection. Lost connections are opened again.

    Args:
        client: the server.
        stop: ends the iterator within a fraction of a second.
        poll_s: interval of polls without a message, seconds.
        on_problem: called with a message when the server cannot be reached, and with an empty one
            when it can.
        known: token of the announced content by kind; a caller that could not read a kind removes
            it, and it is announced again by the next poll.
    Yields:
        One announcement for every kind with new content; its version is empty where a key is
        missing.
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
                    yield from _changes(latest, known)
                    _wait(channel, stop, poll_s)
        except UnavailableError as error:
            on_problem(str(error))
            stop.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


class Listener:
    """A thread that receives announcements until it is closed.

    Args:
        client: the server.
        receive: called with every announcement, in the thread; where it raises a PhantomError, the
            next poll announces it again.
        poll_s: interval of polls without a message, seconds.
    """

    def __init__(
        self,
        client: redis.Redis,
        receive: Callable[[Announcement], None],
        *,
        poll_s: float = POLL_S,
    ) -> None:
        self._client, self._receive, self._poll_s = client, receive, poll_s
        self._stop = threading.Event()
        self._problem = "Not connected yet."
        self._thread = threading.Thread(target=self._run, name="phantom-announcements", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str:
        """Why the server cannot be reached or its content not be read; empty without a problem."""
        return self._problem

    def close(self) -> None:
        """Stop the thread."""
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
                self._receive(announcement)
            except PhantomError as error:
                self._note(str(error))
                known.pop(announcement.kind, None)

    def _note(self, problem: str) -> None:
        self._problem = problem


def _changes(latest: Mapping[Kind, Latest], known: dict[Kind, bytes]) -> Iterator[Announcement]:
    for kind, one in latest.items():
        if one.token != known.get(kind, b""):
            known[kind] = one.token
            yield one.announcement


def _wait(channel: PubSub, stop: threading.Event, poll_s: float) -> None:
    """Wait for a message, or until the next poll is due."""
    until_s = time.monotonic() + poll_s
    while not stop.is_set() and (left_s := until_s - time.monotonic()) > 0:
        if channel.get_message(timeout=min(_LISTEN_S, left_s)):
            while channel.get_message(timeout=0):
                pass
            return
