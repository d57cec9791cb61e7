"""Faults: problems of a Redis server or its connection, each with a message and a hint."""

import re
from dataclasses import dataclass
from typing import Final

import redis
from redis import exceptions

from phantom_core.core.errors import UnavailableError

_TLS: Final = "whether it speaks TLS (rediss://) or not (redis://)"


@dataclass(frozen=True, slots=True)
class _Fault:
    """A problem of a server, how it is recognised, and what to do about it.

    Attributes:
        what: completes "The server at …".
        hint: what to do.
        kinds: errors of the client library that mean it.
        says: pattern of the message, where the kind of error is not specific enough.
    """

    what: str
    hint: str
    kinds: tuple[type[redis.RedisError], ...] = ()
    says: str = "(?!)"

    def explains(self, error: redis.RedisError, text: str) -> bool:
        return isinstance(error, self.kinds) or re.search(self.says, text) is not None


# The first one that explains an error is reported.
_FAULTS: Final = (
    _Fault(
        "does not answer in time",
        f"Check the server, the network and {_TLS}, then try again.",
        (exceptions.TimeoutError,),
    ),
    _Fault(
        "is a read-only replica",
        "Point PHANTOM_REDIS_URL at the primary.",
        (exceptions.ReadOnlyError,),
        "READONLY",
    ),
    _Fault(
        "has no memory left for it (maxmemory)",
        "Give the server more memory, or delete unused keys, then try again.",
        (exceptions.OutOfMemoryError,),
        r"\bOOM\b",
    ),
    _Fault(
        "takes no writes because it cannot save to its disk",
        "Make room on the server's disk, then try again.",
        says="MISCONF",
    ),
    _Fault(
        "takes no writes because too few replicas follow it",
        "Bring the replicas back, then try again.",
        says="NOREPLICAS",
    ),
    _Fault(
        "is still loading its data",
        "Wait a moment, then try again.",
        (exceptions.BusyLoadingError,),
        "LOADING",
    ),
    _Fault(
        "is busy with a script that does not end",
        "Have its operator end the script, then try again.",
        says=r"\bBUSY\b",
    ),
    _Fault(
        "is a replica that has lost its primary",
        "Point PHANTOM_REDIS_URL at the primary.",
        (exceptions.MasterDownError,),
    ),
    _Fault(
        "is part of a cluster",
        "Point PHANTOM_REDIS_URL at a server that is no cluster.",
        (exceptions.ClusterError, exceptions.AskError, exceptions.ClusterCrossSlotError),
    ),
    _Fault(
        "refuses the user name or the password",
        "Correct them in PHANTOM_REDIS_URL.",
        says="WRONGPASS|invalid (username|password)",
    ),
    _Fault(
        "asks for a password",
        "Put user name and password into PHANTOM_REDIS_URL.",
        (exceptions.AuthenticationError,),
        "NOAUTH",
    ),
    _Fault(
        "does not let this user do that",
        "Grant the user the commands, keys and channel that docs/publishing.md lists.",
        (exceptions.NoPermissionError,),
        "NOPERM|ACL failure|user executing the script can't",
    ),
    _Fault(
        "rejects remote clients (protected mode)",
        "Set a password on the server and in PHANTOM_REDIS_URL.",
        says="DENIED",
    ),
    _Fault(
        "has a value of another type under a key of PHANTOM's",
        "Heal, or delete the key.",
        says="WRONGTYPE",
    ),
    _Fault(
        "has no database of that number",
        "Correct the number at the end of PHANTOM_REDIS_URL.",
        says="DB index|invalid DB|Invalid Database",
    ),
    _Fault(
        "takes no more clients (maxclients)",
        "Close some, or raise the server's maxclients.",
        says="max number of clients",
    ),
    _Fault(
        "shows a certificate that is not trusted",
        "Add ?ssl_ca_certs=/path/to/ca.pem to PHANTOM_REDIS_URL, or use the name that the "
        "certificate is for.",
        says="(?i)certificate",
    ),
    _Fault(
        "does not speak TLS as expected",
        "Use rediss:// for a server with TLS, and redis:// for one without.",
        says=r"(?i)\b(ssl|tls)",
    ),
    _Fault(
        "has a host name that is unknown",
        "Correct the host in PHANTOM_REDIS_URL.",
        says="not known|nodename nor|name resolution",
    ),
    _Fault(
        "is not running: nothing listens at that address",
        "Start the server, or correct PHANTOM_REDIS_URL.",
        says="refused|No such file",
    ),
    _Fault(
        "closed the connection or cannot be reached",
        f"Check the server, the network and {_TLS}, then try again.",
        (exceptions.ConnectionError,),
    ),
)
_PIPELINE: Final = re.compile(r"^Command # \d+ .* of pipeline caused error: ", re.DOTALL)


def unavailable_error(error: redis.RedisError, address: str) -> UnavailableError:
    """The error for users of an error of the client library.

    Args:
        error: what it raised.
        address: of the server, without a password.
    """
    # For a pipeline, the client library repeats the command, which may contain anything.
    text = _PIPELINE.sub("", str(error))
    for fault in _FAULTS:
        if fault.explains(error, text):
            return UnavailableError(f"The server at {address} {fault.what}.", hint=fault.hint)
    said = " ".join(text.split())[:200] or type(error).__name__
    return UnavailableError(
        f"The server at {address} answers with an error: {said.rstrip('.')}.",
        hint="Look into the server's log.",
    )
