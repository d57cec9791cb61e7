"""Address: the URL of a Redis server, validated, and shown without its password."""

from typing import Final
from urllib.parse import parse_qs, urlsplit

from phantom_core.core.errors import InputError

SCHEMES: Final = {
    "redis": "redis",
    "rediss": "rediss",
    "valkey": "redis",
    "valkeys": "rediss",
    "unix": "unix",
}
_EXAMPLES: Final = (
    "Write redis://host:6379/0, rediss://user:password@host:6379/0 for TLS, or "
    "unix:///path/to.sock; "
    "in passwords, % and two hexadecimal digits stand for a special character."
)


def checked_url(url: str) -> str:
    """The URL as the client library accepts it.

    Raises:
        InputError: it is invalid; the message omits it, since it may contain a password.
    """
    try:
        parts = urlsplit(url)
        port, scheme = parts.port, SCHEMES.get(parts.scheme)
    except ValueError:
        raise InputError("PHANTOM_REDIS_URL cannot be parsed as a URL.", hint=_EXAMPLES) from None
    if (
        scheme is None
        or parts.fragment
        or (port is not None and port == 0)
        or (scheme != "unix" and not parts.hostname)
    ):
        raise InputError("PHANTOM_REDIS_URL is not the URL of a Redis server.", hint=_EXAMPLES)
    database = parts.path.strip("/")
    if scheme != "unix" and database and not database.isdecimal():
        raise InputError("PHANTOM_REDIS_URL has a database that is not a number.", hint=_EXAMPLES)
    return scheme + url[len(parts.scheme) :]


def without_password(url: str) -> str:
    """A checked URL without its password, neither before the host nor in the query.

    >>> without_password("rediss://app:se%23cret@shop:6380/2?ssl_ca_certs=/ca.pem")
    'rediss://app@shop:6380/2'
    """
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    if parts.scheme == "unix":
        database = parse_qs(parts.query).get("db", ["0"])[0]
        return f"unix://{user}{parts.path}?db={database}"
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{user}{host}:{parts.port or 6379}/{parts.path.strip('/') or 0}"
