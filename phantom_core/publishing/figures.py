"""Figures: prices and elasticities by product; each table is replaced as a whole."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import redis
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as checked

from phantom_core.core.errors import InputError
from phantom_core.publishing.announcement import Announcement, Kind
from phantom_core.publishing.canonical import SHA256, canonical_digest
from phantom_core.publishing.live import Number
from phantom_core.publishing.names import CHANNEL, ELASTICITIES, PRICES, check_version
from phantom_core.publishing.reading import check_digest, parse_document, read_stored
from phantom_core.publishing.signed import open_signed, sign_document
from phantom_core.signing.keys import PublicKeys, SigningKey
from phantom_core.valkey.server import guarded_calls


@dataclass(frozen=True, slots=True)
class Figures:
    """One number per product.

    Attributes:
        version: of their source.
        created_ms: when they were computed, UTC milliseconds.
        values: by product id.
    """

    version: str
    created_ms: int
    values: Mapping[str, float]


@checked(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class _Head:
    format: str
    version: str
    created_ms: int
    sha256: str


@checked(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class _Prices(_Head):
    prices: dict[str, Number]


@checked(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class _Elasticities(_Head):
    elasticities: dict[str, Number]


T = TypeVar("T", bound=_Head)


@dataclass(frozen=True, slots=True)
class _Table(Generic[T]):
    key: str
    format: str
    field: str
    kind: Kind
    adapter: TypeAdapter[T]


_PRICES: Final = _Table(PRICES, "phantom-prices/1", "prices", "prices", TypeAdapter(_Prices))
_ELASTICITIES: Final = _Table(
    ELASTICITIES, "phantom-elasticity/1", "elasticities", "elasticity", TypeAdapter(_Elasticities)
)


def publish_prices(client: redis.Redis, key: SigningKey, prices: Figures) -> None:
    """Replace all prices, and announce them.

    Args:
        client: the server.
        key: signs them.
        prices: above 0, in the shop's currency.
    Raises:
        InputError: an invalid price.
        UnavailableError: the server is out of reach or takes no writes; readers then see either the
            old prices or the new ones.
    """
    if wrong := [product for product, value in prices.values.items() if not value > 0]:
        raise InputError(
            f"Product {wrong[0]} has the price {prices.values[wrong[0]]}.",
            hint="Prices are above 0.",
        )
    _publish(client, key, _PRICES, prices)


def read_prices(client: redis.Redis, keys: PublicKeys) -> Figures | None:
    """The prices; None where none were published.

    Raises:
        UnavailableError: the server does not answer.
        UnsignedError: they are not signed by a trusted key.
        DataError: they are not what was published.
    """
    return _read(client, keys, _PRICES)


def publish_elasticities(client: redis.Redis, key: SigningKey, elasticities: Figures) -> None:
    """Replace all elasticities, and announce them.

    Raises:
        InputError: one is not finite.
        UnavailableError: see `publish_prices`.
    """
    _publish(client, key, _ELASTICITIES, elasticities)


def read_elasticities(client: redis.Redis, keys: PublicKeys) -> Figures | None:
    """The elasticities; None where none were published.

    Raises:
        UnavailableError: the server does not answer.
        UnsignedError: they are not signed by a trusted key.
        DataError: they are not what was published.
    """
    return _read(client, keys, _ELASTICITIES)


def open_prices(keys: PublicKeys, content: bytes) -> Figures:
    """Verify and read the published prices.

    Raises:
        UnsignedError: no trusted key signed them.
        DataError: they are not what was published.
    """
    return _open(keys, _PRICES, content)


def open_elasticities(keys: PublicKeys, content: bytes) -> Figures:
    """Verify and read the published elasticities; see `open_prices`."""
    return _open(keys, _ELASTICITIES, content)


def _publish(client: redis.Redis, key: SigningKey, table: _Table[T], figures: Figures) -> None:
    check_version(figures.version)
    if wrong := [product for product, value in figures.values.items() if not math.isfinite(value)]:
        raise InputError(
            f"Product {wrong[0]} has no finite number in {table.key}.", hint="Leave it out."
        )
    values = {product: float(value) for product, value in figures.values.items()}
    # What a reader polls for comes first, so that it need not fetch the whole table.
    head = {"format": table.format, "version": figures.version, "created_ms": figures.created_ms}
    document = {
        **head,
        SHA256: canonical_digest({**head, table.field: values}),
        table.field: values,
    }
    content = sign_document(
        key,
        table.format,
        json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode(),
    )
    with guarded_calls(client), client.pipeline(transaction=True) as pipeline:
        pipeline.set(table.key, content)
        pipeline.publish(CHANNEL, Announcement(table.kind, figures.version).to_bytes())
        pipeline.execute()


def _read(client: redis.Redis, keys: PublicKeys, table: _Table[T]) -> Figures | None:
    content = read_stored(client, table.key)
    return None if content is None else _open(keys, table, content)


def _open(keys: PublicKeys, table: _Table[T], content: bytes) -> Figures:
    document = open_signed(keys, table.format, content, table.key)
    found = parse_document(table.adapter, document, table.format, table.key)
    check_digest(document, table.key)
    return Figures(found.version, found.created_ms, getattr(found, table.field))
