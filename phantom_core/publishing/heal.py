"""Heal: restore on the server exactly what should be live, whatever its current content."""

from collections.abc import Sequence
from typing import Final

import redis

from phantom_core.core.errors import ConflictError, UnavailableError
from phantom_core.publishing.live import NOTHING_LIVE, Live, sign_live
from phantom_core.publishing.names import CHANNEL, LIVE
from phantom_core.publishing.publish import announcement_of, published_contents
from phantom_core.publishing.release import RuleRelease
from phantom_core.signing.keys import SigningKey
from phantom_core.valkey.server import guarded_calls

# KEYS: the pointer, then the releases. ARGV: content and epoch of the pointer (epoch 0: none),
# channel, message, 1 for force, then the content of each release. Releases come first, so that a
# reader always finds all that the pointer names.
SCRIPT: Final = """
local kind = redis.call('TYPE', KEYS[1])['ok']
if ARGV[5] ~= '1' and kind == 'string' then
  local found = redis.call('GET', KEYS[1])
  local payload = string.match(found, '^phantom%-signed/1 [^\\n]*\\n(.*)$')
  local is_json, document = pcall(cjson.decode, payload or '')
  if is_json and type(document) == 'table' and type(document.epoch) == 'number'
      and document.epoch > tonumber(ARGV[2]) then
    return string.format('%.0f', document.epoch)
  end
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
for n = 2, #KEYS do redis.call('SET', KEYS[n], ARGV[n + 4]) end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[1]) end
return ''
"""


def restore_documents(
    client: redis.Redis,
    key: SigningKey,
    live: Live,
    releases: Sequence[RuleRelease],
    *,
    force: bool = True,
) -> None:
    """Restore exactly what should be live, atomically; the same call again is safe.

    Args:
        client: the server.
        key: signs the documents.
        live: what should be live; NOTHING_LIVE removes the current content.
        releases: every version that it names.
        force: also over a later signed epoch, which is a conflict otherwise.
    Raises:
        InputError: `live` names a version that is not among the releases.
        ConflictError: a later epoch is live, and `force` is off.
        UnavailableError: the server is out of reach or takes no writes.
    """
    expected, content = published_contents(key, live, releases), sign_live(key, live)
    arguments = [
        content,
        str(live.epoch),
        CHANNEL,
        announcement_of(live).to_bytes(),
        "1" if force else "0",
        *expected.values(),
    ]
    with guarded_calls(client):
        later = client.eval(SCRIPT, 1 + len(expected), LIVE, *expected, *arguments)
        found = client.mget([LIVE, *expected])
    if later:
        raise ConflictError(
            f"{LIVE} holds epoch {later.decode()}, later than epoch {live.epoch} that should "
            "be live.",
            hint="Find out who published it; heal by force to go back.",
        )
    if found != [None if live.epoch == NOTHING_LIVE.epoch else content, *expected.values()]:
        raise UnavailableError(
            "The server confirmed the restored content, but then returned something else.",
            hint="Heal again.",
        )
