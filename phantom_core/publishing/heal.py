"""Heal: have the server hold exactly what is meant to be live, whatever it holds now."""

from collections.abc import Sequence
from typing import Final

import redis

from phantom_core.core.errors import ConflictError, UnavailableError
from phantom_core.publishing.live import NOTHING_LIVE, Live
from phantom_core.publishing.names import CHANNEL, LIVE
from phantom_core.publishing.publish import published_contents, read_announcement
from phantom_core.publishing.release import RuleRelease
from phantom_core.valkey.server import guarded_calls

# KEYS: the pointer, then the releases. ARGV: content and epoch of the pointer (epoch 0: none),
# channel, message, 1 for force, then the
# content of each release. Releases come first, so that whoever reads in between two runs finds all
# that the pointer names.
SCRIPT: Final = """
local kind = redis.call('TYPE', KEYS[1])['ok']
if ARGV[5] ~= '1' and kind == 'string' then
  local is_json, document = pcall(cjson.decode, redis.call('GET', KEYS[1]))
  local is_document = is_json and type(document) == 'table' and type(document.epoch) == 'number'
  if is_document and document.epoch > tonumber(ARGV[2]) then
    return string.format('%.0f', document.epoch)
  end
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
for n = 2, #KEYS do redis.call('SET', KEYS[n], ARGV[n + 4]) end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[1]) end
return ''
"""


def restore_documents(
    client: redis.Redis, live: Live, releases: Sequence[RuleRelease], *, force: bool = True
) -> None:
    """Restore exactly what is meant to be live, in one step; the same call again is safe.

    Args:
        client: the server.
        live: what is meant to be live; NOTHING_LIVE removes what is.
        releases: every version that it names.
        force: also over something that says it is later; without, that is a conflict.
    Raises:
        InputError: `live` names a version that is not among the releases.
        ConflictError: something later is live, and `force` is off.
        UnavailableError: the server is out of reach or takes no writes.
    """
    expected = published_contents(live, releases)
    arguments = [
        live.to_bytes(),
        str(live.epoch),
        CHANNEL,
        read_announcement(live).to_bytes(),
        "1" if force else "0",
        *expected.values(),
    ]
    with guarded_calls(client):
        later = client.eval(SCRIPT, 1 + len(expected), LIVE, *expected, *arguments)
        found = client.mget([LIVE, *expected])
    if later:
        raise ConflictError(
            f"{LIVE} holds epoch {later.decode()}, later than epoch {live.epoch} that is meant to "
            "be live.",
            hint="Look who published it; heal by force to go back.",
        )
    if found != [None if live.epoch == NOTHING_LIVE.epoch else live.to_bytes(), *expected.values()]:
        raise UnavailableError(
            "The server took what is meant to be live, and then showed something else.",
            hint="Heal again.",
        )
