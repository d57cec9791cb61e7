"""Faults: what a Redis server or the way to it can suffer from, each as one sentence with a way out."""

import re
from typing import Final

import redis

from phantom_core.errors import UnavailableError

# First word of an error that a server answers with → what is the matter, and the way out.
_ANSWERS: Final = {
    "READONLY": ("is a read-only replica", "Point PHANTOM_REDIS_URL at the primary."),
    "OOM": ("has no memory left for it (maxmemory)", "Give the server more memory, or delete what nobody needs, then try again."),
    "MISCONF": ("takes no writes because it cannot save to its disk", "Make room on the server's disk, then try again."),
    "NOREPLICAS": ("takes no writes because too few replicas follow it", "Bring the replicas back, then try again."),
    "LOADING": ("is still loading its data", "Wait a moment, then try again."),
    "BUSY": ("is busy with a script that does not end", "Have its operator end the script, then try again."),
    "MASTERDOWN": ("is a replica that has lost its primary", "Point PHANTOM_REDIS_URL at the primary."),
    "WRONGPASS": ("refuses the user name or the password", "Correct them in PHANTOM_REDIS_URL."),
    "NOAUTH": ("asks for a password", "Put user name and password into PHANTOM_REDIS_URL."),
    "NOPERM": ("does not let this user do that", "Grant the user the commands, keys and channel that docs/publishing.md lists."),
    "DENIED": ("refuses strangers (protected mode)", "Set a password on the server and in PHANTOM_REDIS_URL."),
    "MOVED": ("is part of a cluster", "PHANTOM publishes to one server; point PHANTOM_REDIS_URL at one that is no cluster."),
    "CROSSSLOT": ("is part of a cluster", "PHANTOM publishes to one server; point PHANTOM_REDIS_URL at one that is no cluster."),
    "CLUSTERDOWN": ("is part of a cluster", "PHANTOM publishes to one server; point PHANTOM_REDIS_URL at one that is no cluster."),
    "WRONGTYPE": ("holds something else under a key of PHANTOM's", "Heal, or delete the key."),
}


def unavailable(error: redis.RedisError, address: str) -> UnavailableError:
    """The sentence about an error of the client library.

    Args:
        error: what it raised; its text is repeated only where it cannot hold a secret.
        address: of the server, without a password.
    """
    what, hint = _told(error)
    return UnavailableError(f"The server at {address} {what}.", hint=hint)


def _told(error: redis.RedisError) -> tuple[str, str]:
    text = str(error)
    if isinstance(error, redis.exceptions.TimeoutError):
        return "does not answer in time", "Check the network and the server, then try again."
    if word := _word(error, text):
        return _ANSWERS[word]
    if isinstance(error, redis.exceptions.ConnectionError):
        return _unreachable(text.lower())
    return f"answers with an error: {text.splitlines()[0][:200] if text else type(error).__name__}", "Look into the server's log."


def _word(error: redis.RedisError, text: str) -> str:
    """First word of what the server answered, some of which the client library takes away; empty where it is none that is known."""
    for kind, word in _KINDS:
        if isinstance(error, kind):
            return word
    if found := next((word for word in _ANSWERS if re.search(rf"(?:^|[\s-]){word}\b", text)), ""):
        return found
    if isinstance(error, redis.exceptions.AuthenticationError):
        return "WRONGPASS" if "invalid" in text.lower() else "NOAUTH"
    return ""


def _unreachable(text: str) -> tuple[str, str]:
    for parts, what, hint in _SYMPTOMS:
        if any(part in text for part in parts):
            return what, hint
    return "closed the connection or cannot be reached", "Check that the server runs, then try again."


_KINDS: Final = (
    (redis.exceptions.NoPermissionError, "NOPERM"),
    (redis.exceptions.ReadOnlyError, "READONLY"),
    (redis.exceptions.OutOfMemoryError, "OOM"),
    (redis.exceptions.BusyLoadingError, "LOADING"),
)
# What a broken connection says, in small letters → what is the matter, and the way out.
_SYMPTOMS: Final = (
    (
        ("certificate",),
        "shows a certificate that is not trusted",
        "Add ?ssl_ca_certs=/path/to/ca.pem to PHANTOM_REDIS_URL, or use the name the certificate is for.",
    ),
    (("ssl", "tls"), "does not speak TLS as expected", "Use rediss:// for a server with TLS, and redis:// for one without."),
    (("max number of clients",), "takes no more clients (maxclients)", "Close some, or raise the server's maxclients."),
    (("not known", "nodename nor", "name resolution"), "has a name that nobody knows", "Correct the host in PHANTOM_REDIS_URL."),
    (("refused", "no such file"), "is not there: nobody listens at that address", "Start the server, or correct PHANTOM_REDIS_URL."),
    (("invalid database",), "has no database of that number", "Correct the number at the end of PHANTOM_REDIS_URL."),
)
