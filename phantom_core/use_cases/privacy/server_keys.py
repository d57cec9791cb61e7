"""Keys of the pricing server that belong to sessions."""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import redis

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.publishing.names import SESSION_FEATURES
from phantom_core.publishing.session_prices import session_prices_key
from phantom_core.use_cases.privacy.personal_data import PersonalData
from phantom_core.valkey.server import connect_server, guarded_calls

_REWRITE_WITHIN_S: Final = 30.0


@requires(Permission.PRIVACY)
def is_server_in_use(settings: Settings) -> bool:
    """Whether there is a server that may hold something."""
    return bool(settings.redis_url) or settings.paths.embedded_data.is_dir()


@requires(Permission.PRIVACY)
def erase_keys(settings: Settings, data: PersonalData) -> int:
    """Delete the sessions' keys, and have the embedded server forget them in its files.

    Returns:
        How many there were.
    Raises:
        UnavailableError: the server does not answer.
    """
    if not (data.sessions and is_server_in_use(settings)):
        return 0
    with connect_server(settings) as client, guarded_calls(client):
        n_keys = int(client.delete(*_keys(data)))
        if not settings.redis_url:
            _rewrite_files(client)
    return n_keys


@requires(Permission.PRIVACY)
def keys_about(settings: Settings, data: PersonalData) -> dict[str, object]:
    """Values of the sessions' keys, as text.

    Raises:
        UnavailableError: the server does not answer.
    """
    if not (data.sessions and is_server_in_use(settings)):
        return {}
    found: dict[str, object] = {}
    with connect_server(settings) as client, guarded_calls(client):
        for key in _keys(data):
            kind = client.type(key).decode()
            if kind == "string":
                found[key] = (client.get(key) or b"").decode(errors="replace")
            elif kind == "hash":
                found[key] = {
                    name.decode(errors="replace"): value.decode(errors="replace")
                    for name, value in client.hgetall(key).items()
                }
    return found


def _keys(data: PersonalData) -> list[str]:
    return list(_named(data))


def _named(data: PersonalData) -> Iterator[str]:
    for session in data.sessions:
        yield f"{SESSION_FEATURES}{session}"
        yield session_prices_key(session)


def _rewrite_files(client: redis.Redis) -> None:
    """Rewrite the append-only file, which holds every command since the last rewrite."""
    with suppress(redis.ResponseError):  # one is running or scheduled already
        client.bgrewriteaof()
    deadline_s = time.monotonic() + _REWRITE_WITHIN_S
    while time.monotonic() < deadline_s:
        state = client.info("persistence")
        if not (state["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"]):
            return
        time.sleep(0.02)
