"""Session features: the latest features of live sessions, for pricing their next request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
import redis

from phantom_core.core.errors import DataError
from phantom_core.publishing.names import FEATURES_MARK, SESSION_FEATURES
from phantom_core.valkey.server import guarded_calls

FORMAT: Final = "phantom-session/1"
TTL_S: Final = 3600
Feature = float | str | None


@dataclass(frozen=True, slots=True)
class PublishedFeatures:
    """The features of a session so far.

    Attributes:
        session_id: of the session.
        n_events: number of events so far.
        last_event_ms: time of the last event, UTC milliseconds.
        updated_ms: when they were computed, UTC milliseconds.
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
        document = {
            "format": FORMAT,
            "session_id": self.session_id,
            "n_events": self.n_events,
            "last_event_ms": self.last_event_ms,
            "updated_ms": self.updated_ms,
            "store_mode": self.store_mode,
            "features": self.features,
        }
        return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def write_features(
    client: redis.Redis, sessions: Sequence[PublishedFeatures], *, ttl_s: int = TTL_S
) -> None:
    """Store the features of some sessions, in one round trip.

    Args:
        client: the server.
        sessions: to store; each replaces the earlier features of its session.
        ttl_s: they expire after this many seconds.
    Raises:
        UnavailableError: the server does not store them.
    """
    with guarded_calls(client), client.pipeline(transaction=False) as pipeline:
        for session in sessions:
            pipeline.set(f"{SESSION_FEATURES}{session.session_id}", session.to_bytes(), ex=ttl_s)
        pipeline.execute()


def read_features(client: redis.Redis, session_id: str) -> PublishedFeatures | None:
    """Features of a session; None where the server has none.

    Raises:
        UnavailableError: the server does not answer.
        DataError: the stored document is invalid.
    """
    key = f"{SESSION_FEATURES}{session_id}"
    with guarded_calls(client):
        content = client.get(key)
    return None if content is None else parse_features(content, key)


def read_event_counts(client: redis.Redis, session_ids: Sequence[str]) -> list[int]:
    """How many events the stored features of each session hold; 0 where none are stored.

    Raises:
        UnavailableError: the server does not answer.
    """
    keys = [f"{SESSION_FEATURES}{session_id}" for session_id in session_ids]
    with guarded_calls(client), client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.get(key)
        contents = pipeline.execute(raise_on_error=False)
    return [_event_count(content, key) for content, key in zip(contents, keys, strict=True)]


def _event_count(content: object, key: str) -> int:
    try:
        return parse_features(content, key).n_events if isinstance(content, bytes) else 0
    except DataError:
        return 0


def has_mark(client: redis.Redis, worker_id: str) -> bool:
    """Whether the server still has the mark of a worker, so that it was not emptied since.

    Raises:
        UnavailableError: the server does not answer.
    """
    with guarded_calls(client):
        return client.get(FEATURES_MARK + worker_id) is not None


def write_mark(client: redis.Redis, worker_id: str) -> None:
    """Leave the mark of a worker, for as long as features stay.

    Raises:
        UnavailableError: the server does not store it.
    """
    with guarded_calls(client):
        client.set(FEATURES_MARK + worker_id, b"1", ex=TTL_S)


def parse_features(content: bytes | str, where: str) -> PublishedFeatures:
    """Read the document of one session.

    Args:
        content: its JSON.
        where: its key, named in errors.
    Raises:
        DataError: it is invalid.
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
