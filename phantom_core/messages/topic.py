"""Topics: accepted events and quotes on their way to the lake, in Kafka or in files of the
workspace.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from phantom_core.events.mapping import Kind

EVENTS: Final = "user-interactions"
QUOTES: Final = "price-logs"
KINDS: Final[Mapping[str, Kind]] = {EVENTS: "events", QUOTES: "quotes"}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be kept.

    Attributes:
        key: the session, so that its messages stay in order.
        value: a JSON document.
    """

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it was kept.

    Attributes:
        topic: one of KINDS.
        partition: which part of the topic; the name of a segment file where there is no Kafka.
        offset: where it stands in there, rising.
        value: its bytes.
        problem: reason code of a message that did not survive its storage, else "".
    """

    topic: str
    partition: str
    offset: int
    value: bytes
    problem: str = ""


class Sink(Protocol):
    """Where messages are kept."""

    def append(self, topic: str, messages: Sequence[Outgoing]) -> None:
        """Keep messages; they are safe once this returns.

        Raises:
            BusyError: there is no room for them now; nothing was kept.
            UnavailableError: they could not be kept for certain; some of them may come through
            nevertheless.
        """

    def state(self) -> str:
        """How it is, in one word: "connected", "local" … ."""

    def close(self) -> None:
        """Let go."""


class Reader(Protocol):
    """Reads messages for the lake."""

    def poll(self, most: int, timeout_s: float) -> list[Message]:
        """The next messages, at most so many of each topic; none when nothing came in time.

        Raises:
            UnavailableError: they cannot be read.
        """

    def commit(self) -> None:
        """Say that everything polled so far is in the lake and need not come again."""

    def lag(self) -> Mapping[tuple[str, str], int]:
        """By topic and partition, messages (Kafka) or bytes (files) that were not polled yet."""

    def close(self) -> None:
        """Let go; what was polled and not committed comes again."""
