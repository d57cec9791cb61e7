"""Passwords: stored as Argon2id hashes, as RFC 9106 recommends."""

import unicodedata
from functools import cache
from typing import Final

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from phantom_core.core.errors import InputError

SHORTEST: Final = 10
PARAMETERS: Final[Parameters] = RFC_9106_LOW_MEMORY
_LONGEST: Final = 1_000
_FEWEST_DISTINCT: Final = 6
_SHORTEST_LOGIN: Final = 3
_ROWS: Final = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz")
_KNOWN: Final = ("password", "passwort", "letmein", "welcome", "iloveyou", "phantom", "changeme")
# A password is weak when little is left of it without what everybody tries first.
_FEWEST_LEFT: Final = 6
_RUN: Final = 3
_HASHER: Final = PasswordHasher.from_parameters(PARAMETERS)


def hash_password(password: str, login: str = "") -> str:
    """The hash to store.

    Args:
        password: to be used from now on.
        login: of its account, which must not stand in it.
    Raises:
        InputError: too short, absurdly long, or among the first that somebody would try.
    """
    if not SHORTEST <= len(password) <= _LONGEST:
        raise InputError(
            f"A password has at least {SHORTEST} characters.",
            hint="Combine a few unrelated words.",
        )
    if _is_weak(password, login):
        raise InputError(
            "This password is too easy to guess: it repeats itself, is a sequence, or contains "
            "the login or a word that everybody uses.",
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


def _is_weak(password: str, login: str) -> bool:
    plain = unicodedata.normalize("NFKC", password).casefold()
    if len(set("".join(plain.split()))) < _FEWEST_DISTINCT:
        return True
    name = login.partition("@")[0].casefold()
    words = (*_KNOWN, *((name,) if len(name) >= _SHORTEST_LOGIN else ()))
    left = plain
    for word in words:
        left = left.replace(word, "")
    return len(_without_runs(left)) < _FEWEST_LEFT


def _without_runs(text: str) -> str:
    """The text without parts of three or more that repeat, or lie side by side on a keyboard."""
    kept, start = [], 0
    for end in range(1, len(text) + 1):
        if end < len(text) and _continues(text, start, end):
            continue
        if end - start < _RUN:
            kept.append(text[start:end])
        start = end
    return "".join(kept)


def _continues(text: str, start: int, at: int) -> bool:
    steps = {_step(text[place], text[place + 1]) for place in range(start, at)}
    return len(steps) == 1 and None not in steps


def _step(one: str, other: str) -> int | None:
    if one == other:
        return 0
    for row in _ROWS:
        distance = row.find(other) - row.find(one)
        if one in row and other in row and abs(distance) in (1, len(row) - 1):
            return 1 if distance in (1, 1 - len(row)) else -1
    return None


@cache
def _dummy_hash() -> str:
    return _HASHER.hash("the password of no account")
