"""Switch: the atomic step that makes a document live, and its errors, certain or uncertain."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import redis

from phantom_core.core.errors import ConflictError, PhantomError, UnavailableError
from phantom_core.publishing.announcement import Announcement
from phantom_core.publishing.names import CHANNEL
from phantom_core.valkey.server import guarded_calls, server_address

# KEYS: the pointer, then the keys that it needs. ARGV: content and epoch of the pointer, channel,
# message, content that is not signed and may be overwritten, then the exact content of each further
# key, or an empty text for any content. The only write comes last, so an error means no change.
SCRIPT: Final = """
local found = redis.call('GET', KEYS[1])
if found and found ~= ARGV[1] and found ~= ARGV[5] then
  local payload = string.match(found, '^phantom%-signed/1 [^\\n]*\\n(.*)$') or found
  local is_json, document = pcall(cjson.decode, payload)
  if not is_json or type(document) ~= 'table' or type(document.epoch) ~= 'number' then
    return {'unreadable', KEYS[1]}
  end
  if document.epoch >= tonumber(ARGV[2]) then
    return {'later', string.format('%.0f', document.epoch)}
  end
end
for n = 2, #KEYS do
  local content = redis.call('GET', KEYS[n])
  if not content then return {'missing', KEYS[n]} end
  if ARGV[n + 4] ~= '' and content ~= ARGV[n + 4] then return {'different', KEYS[n]} end
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
redis.call('SET', KEYS[1], ARGV[1])
return {'switched', ''}
"""

# Errors that a server returned; the library treats some of them as broken connections.
_ANSWERED: Final = (
    redis.ResponseError,
    redis.BusyLoadingError,
    redis.AuthenticationError,
    redis.exceptions.AuthorizationError,
)


class NotSwitchedError(PhantomError):
    """Certainly nothing was switched."""


class NotSwitchedUnavailableError(NotSwitchedError, UnavailableError):
    """Nothing was switched, because the server could not be reached or took no writes."""


class NotSwitchedConflictError(NotSwitchedError, ConflictError):
    """Nothing was switched, because the server has a different or a later document."""


class UncertainError(UnavailableError):
    """The answer was lost, so it may have been switched; the same switch again is safe."""


def switch_live(
    client: redis.Redis,
    key: str,
    content: bytes,
    epoch: int,
    announcement: Announcement,
    expected: Mapping[str, bytes],
    *,
    forged: bytes = b"",
) -> None:
    """Make a document live and announce it atomically, if no later one is live and its keys exist.

    Args:
        client: the server.
        key: of the pointer.
        content: of the pointer; the same content again is no conflict.
        epoch: of the content.
        announcement: sent with it.
        expected: exact content by further key; empty for any content.
        forged: content of the pointer that nobody signed, which counts as nothing.
    Raises:
        NotSwitchedError: nothing was switched.
        UncertainError: it may have been switched.
    """
    keys = [key, *expected]
    arguments: list[str | bytes] = [
        content,
        str(epoch),
        CHANNEL,
        announcement.to_bytes(),
        forged,
        *expected.values(),
    ]
    answer, detail = _run(client, key, content, [SCRIPT, str(len(keys)), *keys, *arguments])
    if answer != "switched":
        raise _refusal(answer, detail, key, epoch)


@contextmanager
def nothing_switched(client: redis.Redis) -> Iterator[None]:
    """Turn an error before the switch, or in place of its answer, into NotSwitchedUnavailableError.

    Raises:
        NotSwitchedUnavailableError: nothing was switched.
    """
    try:
        with guarded_calls(client):
            yield
    except UnavailableError as error:
        raise NotSwitchedUnavailableError(
            error.message, hint=f"Nothing was switched. {error.hint}"
        ) from None


def _run(
    client: redis.Redis, key: str, content: bytes, arguments: list[str | bytes]
) -> tuple[str, str]:
    """Send the script once, on a working connection; if its answer is lost, read what is live."""
    pool = client.connection_pool
    with nothing_switched(client):
        connection = pool.get_connection()
    try:
        connection.send_command("EVAL", *arguments)  # type: ignore[no-untyped-call]
        answer, detail = connection.read_response()
    except _ANSWERED as error:
        with nothing_switched(client):
            raise error
    except redis.RedisError:
        connection.disconnect()  # type: ignore[no-untyped-call]
        return _read_outcome(client, key, content)
    finally:
        pool.release(connection)
    return answer.decode(), detail.decode()


def _read_outcome(client: redis.Redis, key: str, content: bytes) -> tuple[str, str]:
    try:
        with guarded_calls(client):
            found = client.get(key)
    except UnavailableError as error:
        raise _uncertain(client, key, error.hint) from None
    if found == content:
        return "switched", ""
    # The lost command may still be on its way.
    raise _uncertain(client, key)


def _uncertain(client: redis.Redis, key: str, hint: str = "") -> UncertainError:
    """The error of a lost answer."""
    return UncertainError(
        f"The server at {server_address(client)} received the switch of {key}, but its answer was "
        "lost: it may have switched or not.",
        hint=f"{hint} Publish the same again, or heal: both are safe.".strip(),
    )


def unconfirmed_switch(client: redis.Redis, key: str, hint: str = "") -> UncertainError:
    """The error of a switch that was confirmed but could not be read back."""
    return UncertainError(
        f"The server at {server_address(client)} confirmed the switch of {key}, but did not show "
        "it when read back.",
        hint=f"{hint} Publish the same again, or heal: both are safe.".strip(),
    )


def _refusal(answer: str, detail: str, key: str, epoch: int) -> NotSwitchedConflictError:
    if (answer, detail) == ("later", str(epoch)):
        answer = "same"
    messages = {
        "same": (
            f"{key} already holds something else under epoch {epoch}.",
            "Check what is live, and publish again.",
        ),
        "later": (
            f"{key} already holds epoch {detail}, and this is epoch {epoch}.",
            "Check what is live, and publish again.",
        ),
        "unreadable": (f"{key} holds something that PHANTOM did not publish.", "Heal."),
        "missing": (f"{detail} is not on the server any more.", "Publish again."),
        "different": (
            f"{detail} on the server is not what was approved under that name.",
            "Heal, or publish under another version.",
        ),
    }
    message, hint = messages[answer]
    return NotSwitchedConflictError(message, hint=f"Nothing was switched. {hint}")
