"""Session prices: prices of one session, which override those of all sessions."""

from collections.abc import Mapping
from typing import Final

import redis

from phantom_core.core.errors import DataError
from phantom_core.valkey.server import guarded_calls

TTL_S: Final = 1800


def session_prices_key(session_id: str) -> str:
    """Key of the hash of a session's prices."""
    return f"session:{session_id}:prices"


def write_session_prices(
    client: redis.Redis, session_id: str, prices: Mapping[str, float], *, ttl_s: int = TTL_S
) -> None:
    """Set prices of some products for one session; its other prices stay, with the new expiry.

    Args:
        client: the server.
        session_id: of the session.
        prices: by product id, in the shop's currency; at least one.
        ttl_s: they expire after this many seconds.
    Raises:
        UnavailableError: the server does not store them.
    """
    key = session_prices_key(session_id)
    with guarded_calls(client), client.pipeline(transaction=True) as pipeline:
        pipeline.hset(
            key, mapping={product: repr(float(price)) for product, price in prices.items()}
        )
        pipeline.expire(key, ttl_s)
        pipeline.execute()


def read_session_price(client: redis.Redis, session_id: str, product_id: str) -> float | None:
    """The price of a product for one session; None where it has none of its own.

    Raises:
        UnavailableError: the server does not answer.
        DataError: the stored value is not a number.
    """
    key = session_prices_key(session_id)
    with guarded_calls(client):
        found = client.hget(key, product_id)
    try:
        return None if found is None else float(found)
    except ValueError:
        raise DataError(
            f"{key} holds no number for product {product_id}.", hint="Delete the key."
        ) from None
