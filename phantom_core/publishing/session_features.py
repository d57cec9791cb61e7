"""Session features: the latest features of live sessions, for whoever prices their next request."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import orjson
import redis

from phantom_core.core.errors import DataError
from phantom_core.publishing.names import SESSION_FEATURES
from phantom_core.valkey.server import guarded_calls

FORMAT: Final = "phantom-session/1"
TTL_S: Final = 3600
Feature = float | str | None


@dataclass(frozen=True, slots=True)
class PublishedFeatures:
    """What is known of a session so far.

    Attributes:
        session_id: of the session.
        n_events: seen so far.
        last_event_ms: time of the last of them, UTC milliseconds.
        updated_ms: when this was worked out, UTC milliseconds.
        store_mode: hotel, airline or shop.
        features: by name; None where undefined, yes/no as 1 and 0.
    """

    session_id: str
    n_events: int
    last_event_ms: int
    updated_ms: int
    store_mode: str
    features: Mapping[str, Feature]

    def to_bytes(self) -> bytes:
        """The document as it is stored; NaN becomes null."""
        return orjson.dumps({"format": FORMAT, **asdict(self)}, option=orjson.OPT_SERIALIZE_NUMPY)


def write_features(
    client: redis.Redis, sessions: Sequence[PublishedFeatures], *, ttl_s: int = TTL_S
) -> None:
    """Store the features of some sessions, in one round trip.

    Args:
        client: the server.
        sessions: what to store; each replaces what was known of its session.
        ttl_s: they are forgotten after so many seconds.
    Raises:
        UnavailableError: the server does not take them.
    """
    with guarded_calls(client), client.pipeline(transaction=False) as pipeline:
        for session in sessions:
            pipeline.set(f"{SESSION_FEATURES}{session.session_id}", session.to_bytes(), ex=ttl_s)
        pipeline.execute()


def read_features(client: redis.Redis, session_id: str) -> PublishedFeatures | None:
    """Features of a session; None where the server knows none.

    Raises:
        UnavailableError: the server does not answer.
        DataError: what is stored is no such document.
    """
    key = f"{SESSION_FEATURES}{session_id}"
    with guarded_calls(client):
        content = client.get(key)
    return None if content is None else parse_features(content, key)


def parse_features(content: bytes | str, where: str) -> PublishedFeatures:
    """Read the document of one session.

    Args:
        content: its JSON.
        where: its key, named in errors.
    Raises:
        DataError: it is none.
    """
    try:
        found = orjson.loads(content)
        if found["format"] != FORMAT:
            raise DataError(
                f"{where} holds a document of format {found['format']!r}, expected '{FORMAT}'.",
                hint="Update PHANTOM.",
            )
        features = found["features"]
        if not all(
            value is None or isinstance(value, int | float | str) for value in features.values()
        ):
            raise TypeError
        numbers = (int(found["n_events"]), int(found["last_event_ms"]), int(found["updated_ms"]))
        return PublishedFeatures(
            str(found["session_id"]), *numbers, str(found["store_mode"]), features
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(
            f"{where} does not hold the features of a session.",
            hint="Wait for its next event, or delete the key.",
        ) from None
