"""Keys: which of them open which route. Each is known by its hash alone.

A key that a storefront's web server sends with each event need not read what others sent, nor
reload models. Several keys of one scope are valid at once, so that one can follow another without
a gap.
"""

import hashlib
import hmac
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from phantom_core.core.errors import InputError
from phantom_core.core.settings import ServiceSettings

ADMIN_PATHS: Final = ("/kill",)
_EVENTS: Final = re.compile(r"/api/(ingest|kafka/ingest|kafka/price-log)")
_PRICES: Final = re.compile(r"/api/(hotel|airline|shop)/price/.*|/api/products/.*")
_HASHED: Final = "sha256:"
_HEX: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class RouteKeys:
    """Keys of one route.

    Attributes:
        digests: SHA-256 of each valid key.
        variable: setting that names them.
    """

    digests: Sequence[bytes]
    variable: str

    def open_with(self, key: str) -> bool:
        """Whether a key is one of them.

        Every key is compared, each in constant time, so that timing reveals nothing.
        """
        given = _digest(key)
        return bool(sum(hmac.compare_digest(given, digest) for digest in self.digests))


class Keys:
    """The keys of a service.

    Args:
        settings: keys by scope, and open routes.
    Raises:
        InputError: a hash that is none.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        every = _digests(settings.api_keys)
        self._all = RouteKeys(every, "PHANTOM_API_KEYS")
        self._admin = RouteKeys(_digests(settings.admin_keys), "PHANTOM_ADMIN_KEYS")
        self._events = RouteKeys(
            [*every, *_digests(settings.event_keys)], "PHANTOM_EVENT_KEYS or PHANTOM_API_KEYS"
        )
        self._prices = RouteKeys(
            [*every, *_digests(settings.price_keys)], "PHANTOM_PRICE_KEYS or PHANTOM_API_KEYS"
        )
        self._open = tuple(settings.open_routes)

    def of(self, path: str) -> RouteKeys:
        """The keys of a route."""
        if path in ADMIN_PATHS:
            return self._admin
        if _EVENTS.fullmatch(path):
            return self._events
        return self._prices if _PRICES.fullmatch(path) else self._all

    def is_open(self, path: str) -> bool:
        """Whether a route needs no key, wherever a request comes from; never one of ADMIN_PATHS."""
        return path not in ADMIN_PATHS and any(
            path == route or path.startswith(f"{route.rstrip('/')}/") for route in self._open
        )


def _digests(keys: Collection[str]) -> list[bytes]:
    return [_stored_digest(key) for key in keys]


def _stored_digest(key: str) -> bytes:
    """The hash of a key that is written out, or that the settings hold in place of it."""
    if not key.startswith(_HASHED):
        return _digest(key)
    if not _HEX.fullmatch(found := key.removeprefix(_HASHED)):
        raise InputError(
            "A key of the settings begins with 'sha256:', and no SHA-256 follows.",
            hint="Write 64 lower case hexadecimal digits, as sha256sum prints them.",
        )
    return bytes.fromhex(found)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
