"""Damage: what errors of storage libraries mean, as one sentence."""

import re
import sqlite3
from typing import Final

from phantom_core.core.errors import DamageError, PhantomError

_HINT: Final = "Restore the workspace from a backup, or load its files into a new one."
_PATH: Final = re.compile(r"[^\s'\"]*/([^\s'\"/]+)")
# What the libraries say of files that are cut, changed or gone; anything else is a bug.
_DUCKDB: Final = (
    "magic bytes",
    "No files found",
    "Invalid Input Error: Failed to",
    "Parquet",
    "ZSTD",
    "TProtocolException",
    "don't know what type",
    "Could not read",
)
_SQLITE: Final = ("malformed", "not a database", "disk I/O error", "file is encrypted")
_ARROW: Final = ("magic bytes", "Parquet", "Corrupt", "Couldn't deserialize", "decompress")


def explain_damage(error: BaseException) -> PhantomError | None:
    """What an error of a storage library says about the workspace; None if it is a bug.

    Args:
        error: as it was raised; wrapped ones are looked into.

    >>> print(explain_damage(sqlite3.DatabaseError("database disk image is malformed")).message)
    The control database is damaged: database disk image is malformed.
    >>> explain_damage(KeyError("x")) is None
    True
    """
    original = getattr(error, "orig", None) or error
    text = str(original).strip().splitlines()[0] if str(original).strip() else ""
    library = type(original).__module__.partition(".")[0].lstrip("_")
    if isinstance(original, sqlite3.DatabaseError) and any(one in text for one in _SQLITE):
        return DamageError(f"The control database is damaged: {text.rstrip('.')}.", hint=_HINT)
    marks = _DUCKDB if library == "duckdb" else _ARROW if library == "pyarrow" else ()
    if any(one in text for one in marks):
        plain = _PATH.sub(r"\1", text.partition("Error: ")[2] or text).rstrip(".")
        return DamageError(f"A data file of the workspace is damaged: {plain[:200]}.", hint=_HINT)
    return None
