"""Passwords: stored as Argon2id hashes, as RFC 9106 recommends."""

from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from phantom_core.core.errors import InputError

SHORTEST: Final = 10
_LONGEST: Final = 1_000
_HASHER: Final = PasswordHasher()


def hash_password(password: str) -> str:
    """The hash to store.

    Raises:
        InputError: too short to be safe, or absurdly long.
    """
    if not SHORTEST <= len(password) <= _LONGEST:
        raise InputError(
            f"A password has at least {SHORTEST} characters.",
            hint="Combine a few unrelated words.",
        )
    return _HASHER.hash(password)


def password_matches(stored_hash: str, password: str) -> bool:
    """Whether this is the password; takes equally long if it is wrong or there is no account."""
    try:
        return _HASHER.verify(stored_hash or _dummy_hash(), password[:_LONGEST]) and bool(
            stored_hash
        )
    except (VerificationError, InvalidHashError):
        return False


@cache
def _dummy_hash() -> str:
    return _HASHER.hash("the password of no account")
