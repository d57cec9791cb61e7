"""Session prices: signed prices of one session, which override those of all sessions."""

from collections.abc import Mapping
from typing import Final, Literal

import redis
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as checked
from redis.typing import FieldT

from phantom_core.core.errors import InputError
from phantom_core.publishing.canonical import canonical_json
from phantom_core.publishing.live import Number
from phantom_core.publishing.reading import parse_document
from phantom_core.publishing.signed import OutdatedError, UnsignedError, open_signed, sign_document
from phantom_core.signing.keys import PublicKeys, SigningKey
from phantom_core.valkey.server import guarded_calls

FORMAT: Final = "phantom-session-price/1"
TTL_S: Final = 1800


@checked(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class _Document:
    format: Literal["phantom-session-price/1"]
    session_id: str
    product_id: str
    price: Number
    expires_ms: int


_ADAPTER: Final = TypeAdapter(_Document)


def session_prices_key(session_id: str) -> str:
    """Key of the hash of a session's prices."""
    return f"session:{session_id}:prices"


def write_session_prices(
    client: redis.Redis,
    key: SigningKey,
    session_id: str,
    prices: Mapping[str, float],
    *,
    now_ms: int,
    ttl_s: int = TTL_S,
) -> None:
    """Set prices of some products for one session; its other prices stay.

    Args:
        client: the server.
        key: signs each price, for this session, this product and this time.
        session_id: of the session.
        prices: by product id, above 0, in the shop's currency; at least one.
        now_ms: UTC milliseconds.
        ttl_s: they expire after this many seconds.
    Raises:
        InputError: a price that is not above 0.
        UnavailableError: the server does not store them.
    """
    if wrong := [product for product, value in prices.items() if not 0 < value < float("inf")]:
        raise InputError(
            f"Product {wrong[0]} has the price {prices[wrong[0]]}.", hint="Prices are above 0."
        )
    expires_ms = now_ms + 1_000 * ttl_s
    signed: dict[FieldT, bytes | str] = {
        product: sign_document(
            key, FORMAT, _document_of(session_id, product, float(price), expires_ms)
        )
        for product, price in prices.items()
    }
    name = session_prices_key(session_id)
    with guarded_calls(client), client.pipeline(transaction=True) as pipeline:
        pipeline.hset(name, mapping=signed)
        pipeline.expire(name, ttl_s)
        pipeline.execute()


def read_session_price(
    client: redis.Redis, keys: PublicKeys, session_id: str, product_id: str, *, now_ms: int
) -> float | None:
    """The price of a product for one session; None where it has none of its own.

    Raises:
        UnavailableError: the server does not answer.
        UnsignedError, OutdatedError, DataError: see `open_session_price`.
    """
    with guarded_calls(client):
        found = client.hget(session_prices_key(session_id), product_id)
    if found is None:
        return None
    return open_session_price(keys, found, session_id, product_id, now_ms=now_ms)


def open_session_price(
    keys: PublicKeys, content: bytes | str, session_id: str, product_id: str, *, now_ms: int
) -> float:
    """Verify and read the price of one product for one session.

    Raises:
        UnsignedError: no trusted key signed it, or it was signed for another session or product.
        OutdatedError: it has expired.
        DataError: it is invalid.
    """
    where = session_prices_key(session_id)
    document = open_signed(keys, FORMAT, content, where)
    found = parse_document(_ADAPTER, document, FORMAT, where)
    if (found.session_id, found.product_id) != (session_id, product_id) or found.price <= 0:
        raise UnsignedError(
            f"{where} holds a price that was signed for another session or product.",
            hint="Delete the key.",
        )
    if found.expires_ms <= now_ms:
        raise OutdatedError(f"{where} holds a price that has expired.", hint="Delete the key.")
    return float(found.price)


def _document_of(session_id: str, product_id: str, price: float, expires_ms: int) -> bytes:
    return canonical_json(
        {
            "format": FORMAT,
            "session_id": session_id,
            "product_id": product_id,
            "price": price,
            "expires_ms": expires_ms,
        }
    )
