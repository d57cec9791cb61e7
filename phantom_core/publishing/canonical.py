"""Canonical: JSON whose bytes are equal for equal content, and hashes inside documents."""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

SHA256: Final = "sha256"


def canonical_json(values: object) -> bytes:
    """JSON with sorted keys and no spaces, in UTF-8.

    Raises:
        ValueError: a number that is not finite, or text that is not valid Unicode.

    >>> canonical_json({"b": 1.0, "a": "é"}).decode()
    '{"a":"é","b":1.0}'
    """
    return json.dumps(
        values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def canonical_digest(document: Mapping[str, object]) -> str:
    """SHA-256 of a document in hexadecimal, without its field `sha256`."""
    return hashlib.sha256(
        canonical_json({name: value for name, value in document.items() if name != SHA256})
    ).hexdigest()
