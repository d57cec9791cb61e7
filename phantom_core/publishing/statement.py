"""Statement: what the control side last said is in force, signed and with its time.

Signatures alone cannot tell an old document from the newest one. The control side repeats every few
seconds which documents are the newest, so a reader notices a server that was set back, or whose
keys are gone, and says how long the control side has been silent.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, Literal

import redis
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as checked

from phantom_core.publishing.canonical import canonical_json
from phantom_core.publishing.names import STATEMENT
from phantom_core.publishing.reading import parse_document, read_stored
from phantom_core.publishing.signed import open_signed, sign_document
from phantom_core.signing.keys import PublicKeys, SigningKey
from phantom_core.valkey.server import guarded_calls

FORMAT: Final = "phantom-statement/1"
# Overrides that people approved: the time of the table of global prices, and the number of the
# change that allows prices of sessions; 0 or missing where there is none.
APPROVED_PRICES: Final = "approved_prices"
SESSION_PRICES: Final = "session_prices"


@dataclass(frozen=True, slots=True)
class Statement:
    """The newest documents at one moment.

    Attributes:
        at_ms: when it was signed, UTC milliseconds.
        newest: epoch or time of publication of the newest document, by kind.
    """

    at_ms: int
    newest: Mapping[str, int]

    def to_bytes(self) -> bytes:
        """The document; equal ones have equal bytes."""
        return canonical_json({**asdict(self), "format": FORMAT})


@checked(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class _Document:
    format: Literal["phantom-statement/1"]
    at_ms: int
    newest: dict[str, int]


_ADAPTER: Final = TypeAdapter(_Document)


def publish_statement(client: redis.Redis, key: SigningKey, statement: Statement) -> None:
    """Replace the statement.

    Raises:
        UnavailableError: the server is out of reach or takes no writes.
    """
    with guarded_calls(client):
        client.set(STATEMENT, sign_document(key, FORMAT, statement.to_bytes()))


def read_statement(client: redis.Redis, keys: PublicKeys) -> Statement | None:
    """The statement; None without one.

    Raises:
        UnavailableError: the server does not answer.
        UnsignedError: it is not signed by a trusted key.
        DataError: it is invalid.
    """
    content = read_stored(client, STATEMENT)
    return None if content is None else open_statement(keys, content)


def open_statement(keys: PublicKeys, content: bytes) -> Statement:
    """Verify and read the published statement.

    Raises:
        UnsignedError: no trusted key signed it.
        DataError: it is invalid.
    """
    document = open_signed(keys, FORMAT, content, STATEMENT)
    found = parse_document(_ADAPTER, document, FORMAT, STATEMENT)
    return Statement(found.at_ms, found.newest)
