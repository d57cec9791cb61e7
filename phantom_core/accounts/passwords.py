"""Passwords: kept as Argon2id hashes, as RFC 9106 recommends."""

from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from phantom_core.core.errors import InputError

SHORTEST: Final = 10
_LONGEST: Final = 1_000
_HASHER: Final = PasswordHasher()


def hash_password(password: str) -> str:
    """The hash to keep.

    Raises:
        InputError: too short to be safe, or absurdly long.
    """
    if not SHORTEST <= len(password) <= _LONGEST:
        raise InputError(
            f"A password has at least {SHORTEST} characters.",
            hint="Take a few words that nobody would put together.",
        )
    return _HASHER.hash(password)


def password_matches(kept: str, password: str) -> bool:
    """Whether this is the password; takes as long for a wrong one, and for an account without
    any.
    """
    try:
        return _HASHER.verify(kept or _nobodys(), password[:_LONGEST]) and bool(kept)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return _HASHER.hash("the password of nobody")
