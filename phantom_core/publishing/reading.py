"""Reading: documents from the server, validated field by field."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import redis
from pydantic import TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.publishing.canonical import SHA256, canonical_digest
from phantom_core.valkey.server import guarded_calls

T = TypeVar("T")


def read_stored(client: redis.Redis, key: str) -> bytes | None:
    """The value of a key; None where there is none.

    Raises:
        UnavailableError: the server does not answer.
        DataError: the key holds something else than text.
    """
    with guarded_calls(client), right_type(key):
        found = client.get(key)
    return None if found is None else as_bytes(found)


@contextmanager
def right_type(key: str) -> Iterator[None]:
    """Turn the server's refusal of a key of another type into an error of the data.

    Raises:
        DataError: the key holds a value of another type.
    """
    try:
        yield
    except redis.ResponseError as error:
        if "WRONGTYPE" not in str(error):
            raise
        raise DataError(
            f"{key} holds a value of another type than what is published there.", hint="Heal."
        ) from None


def as_bytes(found: bytes | str) -> bytes:
    """An answer of the server as bytes, as clients created here always return it."""
    return found.encode() if isinstance(found, str) else found


def as_text(found: bytes | str) -> str:
    """An answer of the server as text.

    Raises:
        ValueError: it is not text.
    """
    return found.decode() if isinstance(found, bytes) else found


def parse_document(adapter: TypeAdapter[T], content: bytes | str, format_: str, where: str) -> T:
    """Parse a JSON document of one format.

    Args:
        adapter: of its type; strict.
        content: its bytes.
        format_: the format expected, such as phantom-live/1.
        where: its key, named in errors.
    Raises:
        DataError: an invalid document, or one of another format.
    """
    values = parse_object(content, where)
    if values.get("format") != format_:
        raise DataError(
            f"{where} holds a document of format {values.get('format')!r}, expected '{format_}'.",
            hint="Publish again, or update PHANTOM if a newer one published it.",
        )
    try:
        return adapter.validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise DataError(
            f"{where} is damaged, at {place}: {first['msg']}.", hint="Publish again."
        ) from None


def parse_object(content: bytes | str, where: str) -> dict[str, object]:
    """Parse a JSON object.

    Raises:
        DataError: the content is not a JSON object.
    """
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise DataError(
            f"{where} holds {len(content)} bytes that are not a JSON object.", hint="Publish again."
        )
    return values


def check_digest(content: bytes | str, where: str) -> None:
    """Reject a document whose content does not match its hash.

    Raises:
        DataError: its SHA-256 differs.
    """
    values = parse_object(content, where)
    if values.get(SHA256) != canonical_digest(values):
        raise DataError(
            f"{where} is not what was published: its SHA-256 differs.",
            hint="Publish again, or heal.",
        )
