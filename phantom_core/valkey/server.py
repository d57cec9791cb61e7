"""Server: the Redis or Valkey server of published content, by URL or embedded in a workspace."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.valkey import embedded
from phantom_core.valkey.address import checked_url, without_password
from phantom_core.valkey.faults import unavailable_error

CONNECT_TIMEOUT_S: Final = 1.0
READ_TIMEOUT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Server:
    """The address of the server.

    Attributes:
        url_without_password: as it may be shown.
        is_embedded: whether PHANTOM starts and stops it.
    """

    url_without_password: str
    is_embedded: bool


def connect_server(settings: Settings) -> redis.Redis:
    """A client of the server, for all threads; the embedded server is started if needed.

    The client never retries: only the caller knows whether a lost command may be repeated.

    Args:
        settings: name the server, or the workspace whose embedded one to use.
    Raises:
        InputError: PHANTOM_REDIS_URL cannot be used.
        UnavailableError: the embedded server does not start. A server by URL is not contacted
            before the client is used.
    """
    url = (
        checked_url(settings.redis_url)
        if settings.redis_url
        else embedded.join_server(settings.workspace)
    )
    try:
        client = redis.Redis.from_url(
            url,
            protocol=2,
            socket_timeout=READ_TIMEOUT_S,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            driver_info=None,
        )
        client.connection_pool.make_connection()
    except (TypeError, ValueError):
        raise InputError(
            "PHANTOM_REDIS_URL has an unknown option after its ?, or a wrong value for one.",
            hint="Correct or remove it.",
        ) from None
    return client


def describe_server(settings: Settings) -> Server:
    """The address of the server; nothing is started.

    Raises:
        InputError: PHANTOM_REDIS_URL cannot be used.
    """
    if settings.redis_url:
        return Server(without_password(checked_url(settings.redis_url)), is_embedded=False)
    return Server(without_password(embedded.server_url(settings.workspace)), is_embedded=True)


def stop_embedded(settings: Settings) -> None:
    """Stop the workspace's embedded server for all processes; its data is saved.

    Does nothing where none runs.

    Raises:
        UnavailableError: it does not stop.
    """
    embedded.stop_server(settings.workspace)


@contextmanager
def guarded_calls(client: redis.Redis | None = None) -> Iterator[None]:
    """Turn errors of the client library into UnavailableError.

    Args:
        client: names the server in the message.
    Raises:
        UnavailableError: with a message and a hint.
    """
    try:
        yield
    except redis.RedisError as error:
        raise unavailable_error(
            error, server_address(client) if client else "PHANTOM_REDIS_URL"
        ) from None


def server_address(client: redis.Redis) -> str:
    """The address of a client's server, without the password."""
    kwargs = client.get_connection_kwargs()
    user = f"{kwargs['username']}@" if kwargs.get("username") else ""
    if "path" in kwargs:
        return f"unix://{user}{kwargs['path']}?db={kwargs.get('db') or 0}"
    scheme = (
        "rediss"
        if issubclass(client.connection_pool.connection_class, redis.SSLConnection)
        else "redis"
    )
    host, port = kwargs.get("host", "localhost"), kwargs.get("port", 6379)
    return f"{scheme}://{user}{host}:{port}/{kwargs.get('db') or 0}"
