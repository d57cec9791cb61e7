"""Latest: the published version of each kind, read from a few bytes of each key."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis

from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.publishing.announcement import Announcement, Kind
from phantom_core.publishing.names import ELASTICITIES, EXPERIMENTS, LIVE, PRICES, STATEMENT
from phantom_core.publishing.reading import as_bytes
from phantom_core.publishing.signed import unverified_document
from phantom_core.valkey.server import guarded_calls

# The head of a table of figures is shorter: format, version, time and hash.
_HEAD_BYTES: Final = 512
# Token of a key that holds a value of another type: a change, which its reader then refuses.
_WRONG_TYPE: Final = b"\0"


@dataclass(frozen=True, slots=True)
class Latest:
    """The published content of one kind.

    Attributes:
        announcement: names it.
        token: changes with the content.
    """

    announcement: Announcement
    token: bytes


def read_latest(client: redis.Redis) -> dict[Kind, Latest]:
    """Read the published version of each kind in one round trip of about 2 kB.

    The token of a missing key is empty.

    Raises:
        UnavailableError: the server does not answer.
    """
    with guarded_calls(client), client.pipeline(transaction=False) as pipeline:
        pipeline.get(LIVE)
        pipeline.get(EXPERIMENTS)
        for kind in MODEL_KINDS.all():
            pipeline.hmget(kind.published_as, "version", "sha256", "statement")
        for key in (PRICES, ELASTICITIES):
            pipeline.getrange(key, 0, _HEAD_BYTES - 1)
        pipeline.get(STATEMENT)
        answers: list[Any] = pipeline.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception) and "WRONGTYPE" not in str(answer):
            with guarded_calls(client):
                raise answer
    rules, experiments, *models, prices, elasticities, statement = [
        _WRONG_TYPE if isinstance(answer, Exception) else answer for answer in answers
    ]
    found = [
        _of_pointer("rules", "version", rules or b""),
        _of_pointer("experiments", "epoch", experiments or b""),
    ]
    found += [
        _of_model(kind, (fields,) if isinstance(fields, bytes) else fields or (None,))
        for kind, fields in zip(MODEL_KINDS.names(), models, strict=True)
    ]
    found += [
        _of_table("prices", b',"prices":', prices or b""),
        _of_table("elasticity", b',"elasticities":', elasticities or b""),
        _of_pointer("statement", "at_ms", statement or b""),
    ]
    return {one.announcement.kind: one for one in found}


def _of_pointer(kind: Kind, name: str, content: bytes) -> Latest:
    document = _object(unverified_document(content))
    epoch = document.get("epoch")
    return Latest(
        Announcement(kind, str(document.get(name, "")), epoch if isinstance(epoch, int) else 0),
        content,
    )


def _of_model(kind: Kind, fields: Sequence[bytes | str | None]) -> Latest:
    parts = [as_bytes(one or b"") for one in fields]
    return Latest(Announcement(kind, parts[0].decode(errors="replace")), b"".join(parts))


def _of_table(kind: Kind, field: bytes, content: bytes) -> Latest:
    head, _, _ = content.partition(field)
    return Latest(
        Announcement(kind, str(_object(unverified_document(head) + b"}").get("version", ""))), head
    )


def _object(content: bytes) -> dict[str, object]:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
