"""Switch: the one atomic step that makes something live, and what is certain when it fails."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import redis

from phantom_core.core.errors import ConflictError, PhantomError, UnavailableError
from phantom_core.publishing.announcement import Announcement
from phantom_core.publishing.names import CHANNEL
from phantom_core.valkey.server import guarded_calls, server_address

# KEYS: the pointer, then what must be there for it. ARGV: content and epoch of the pointer,
# channel, message, then the exact content
# of each further key, or an empty text where any will do. The only write is the last thing that
# happens, so an error means no change.
SCRIPT: Final = """
local found = redis.call('GET', KEYS[1])
if found and found ~= ARGV[1] then
  local is_json, document = pcall(cjson.decode, found)
  local is_document = is_json and type(document) == 'table' and type(document.epoch) == 'number'
  if not is_document then return {'unreadable', KEYS[1]} end
  if document.epoch >= tonumber(ARGV[2]) then
    return {'later', string.format('%.0f', document.epoch)}
  end
end
for n = 2, #KEYS do
  local content = redis.call('GET', KEYS[n])
  if not content then return {'missing', KEYS[n]} end
  if ARGV[n + 3] ~= '' and content ~= ARGV[n + 3] then return {'different', KEYS[n]} end
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
redis.call('SET', KEYS[1], ARGV[1])
return {'switched', ''}
"""

# Errors that a server answers with; the library takes some of them for broken connections.
_ANSWERED: Final = (
    redis.ResponseError,
    redis.BusyLoadingError,
    redis.AuthenticationError,
    redis.exceptions.AuthorizationError,
)


class NotSwitchedError(PhantomError):
    """It is certain that nothing was switched."""


class NotSwitchedUnavailableError(NotSwitchedError, UnavailableError):
    """Nothing was switched, because the server could not be reached or took no writes."""


class NotSwitchedConflictError(NotSwitchedError, ConflictError):
    """Nothing was switched, because the server holds something else or something later."""


class UncertainError(UnavailableError):
    """Whether it was switched is not known: the answer was lost. The same content may be switched
    again at any time.
    """


def switch_live(
    client: redis.Redis,
    key: str,
    content: bytes,
    epoch: int,
    word: Announcement,
    expected: Mapping[str, bytes],
) -> None:
    """Make something live and announce it, in one step, if nothing later is live and all it needs
    is there.

    Args:
        client: the server.
        key: of the pointer.
        content: of the pointer; the same content again is no conflict.
        epoch: of the content.
        word: announced with it.
        expected: exact content by further key; empty where any will do.
    Raises:
        NotSwitchedError: nothing was switched.
        UncertainError: it may have been switched.
    """
    keys = [key, *expected]
    arguments: list[str | bytes] = [
        content,
        str(epoch),
        CHANNEL,
        word.to_bytes(),
        *expected.values(),
    ]
    answer, detail = _run(client, key, content, [SCRIPT, str(len(keys)), *keys, *arguments])
    if answer != "switched":
        raise _refusal(answer, detail, key, epoch)


@contextmanager
def nothing_switched(client: redis.Redis) -> Iterator[None]:
    """Turn whatever goes wrong before the switch, or is answered in its place, into the certainty
    that nothing was switched.

    Raises:
        NotSwitchedUnavailableError: the sentence.
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
    """Send the script once, on a connection found alive; where its answer is lost, look what is
    live now.
    """
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
        return _look(client, key, content)
    finally:
        pool.release(connection)
    return answer.decode(), detail.decode()


def _look(client: redis.Redis, key: str, content: bytes) -> tuple[str, str]:
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
    """The sentence about a lost answer."""
    return UncertainError(
        f"The server at {server_address(client)} was told to switch {key}, but its answer was "
        "lost: it may have switched or not.",
        hint=f"{hint} Publish the same again, or heal: both are safe.".strip(),
    )


def is_unseen(client: redis.Redis, key: str, hint: str = "") -> UncertainError:
    """The sentence about a switch that was confirmed, and could not be seen afterwards."""
    return UncertainError(
        f"The server at {server_address(client)} confirmed the switch of {key}, but did not show "
        "it when read back.",
        hint=f"{hint} Publish the same again, or heal: both are safe.".strip(),
    )


def _refusal(answer: str, detail: str, key: str, epoch: int) -> NotSwitchedConflictError:
    if (answer, detail) == ("later", str(epoch)):
        answer = "same"
    told = {
        "same": (
            f"{key} already holds something else under epoch {epoch}.",
            "Look at what is live, and publish on top of it.",
        ),
        "later": (
            f"{key} already holds epoch {detail}, and this is epoch {epoch}.",
            "Look at what is live, and publish on top of it.",
        ),
        "unreadable": (f"{key} holds something that PHANTOM did not publish.", "Heal."),
        "missing": (f"{detail} is not on the server any more.", "Publish again."),
        "different": (
            f"{detail} on the server is not what was approved under that name.",
            "Heal, or publish under another version.",
        ),
    }
    message, hint = told[answer]
    return NotSwitchedConflictError(message, hint=f"Nothing was switched. {hint}")
