"""Topics: accepted events and quotes that wait for the lake, in Kafka or in workspace files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from phantom_core.events.mapping import Kind

EVENTS: Final = "user-interactions"
QUOTES: Final = "price-logs"
KINDS: Final[Mapping[str, Kind]] = {EVENTS: "events", QUOTES: "quotes"}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to store.

    Attributes:
        key: the session, so that its messages stay in order.
        value: a JSON document.
    """

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Message:
    """A stored message.

    Attributes:
        topic: one of KINDS.
        partition: of the topic; the name of a segment file without Kafka.
        offset: its position in the partition, increasing.
        value: its bytes.
        problem: reason code of a message that was damaged in storage, else "".
    """

    topic: str
    partition: str
    offset: int
    value: bytes
    problem: str = ""


class Sink(Protocol):
    """Storage of messages."""

    def append(self, topic: str, messages: Sequence[Outgoing]) -> None:
        """Store messages; they are safe once this returns.

        Raises:
            BusyError: there is no room for them now; nothing was stored.
            UnavailableError: storage is not certain; some of them may have been stored.
        """

    def state(self) -> str:
        """What it is, such as "connected" or "local buffer"; "unavailable" while it is not."""

    def problem(self) -> str:
        """Why it would not store a message now, one sentence; empty where it would."""

    def close(self) -> None:
        """Release all resources."""


class Reader(Protocol):
    """Reads messages for the lake."""

    def poll(self, most: int, timeout_s: float) -> list[Message]:
        """The next messages, at most this many of each topic; none when nothing arrived in time.

        Raises:
            UnavailableError: they cannot be read.
        """

    def commit(self) -> None:
        """Confirm that everything polled so far is in the lake and need not be read again."""

    def lag(self) -> Mapping[tuple[str, str], int]:
        """By topic and partition, messages (Kafka) or bytes (files) that were not polled yet."""

    def close(self) -> None:
        """Release all resources; messages polled but not committed are read again."""
