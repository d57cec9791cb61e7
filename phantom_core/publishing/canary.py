"""Canary: assignment of sessions to a new version, by a stable hash of their id."""

import hashlib
from typing import Final

_ALL_HASHES: Final = 2**64


def in_canary(session_id: str, salt: str, share: float) -> bool:
    """Whether a session is in the canary; the same at any time and on every machine.

    Args:
        session_id: of the session.
        salt: another one assigns sessions independently.
        share: of all sessions, in [0, 1].

    >>> in_canary("s1", "salt", 0.0), in_canary("s1", "salt", 1.0)
    (False, True)
    """
    hashed = hashlib.blake2b(
        f"{salt}:{session_id}".encode(errors="surrogatepass"), digest_size=8
    ).digest()
    return int.from_bytes(hashed) / _ALL_HASHES < share
