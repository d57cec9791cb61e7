"""Divergence: differences between the server's content and what should be live."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import redis

from phantom_core.core.errors import DataError
from phantom_core.publishing.heal import restore_documents
from phantom_core.publishing.live import NOTHING_LIVE, Live, parse_live
from phantom_core.publishing.names import LIVE
from phantom_core.publishing.publish import published_contents
from phantom_core.publishing.release import RuleRelease, parse_release
from phantom_core.valkey.server import guarded_calls

__all__ = ["Divergence", "compare_documents", "restore_documents"]
_NOTHING: Final = "nothing"


@dataclass(frozen=True, slots=True)
class Divergence:
    """One difference, in words.

    Attributes:
        what: the key, and the field where it holds several.
        expected: what should be there.
        found: what is there.
    """

    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, found {self.found}."


@dataclass(frozen=True, slots=True)
class _Found:
    content: bytes | None
    kind: str
    ttl_ms: int


def compare_documents(
    client: redis.Redis, live: Live, releases: Sequence[RuleRelease]
) -> tuple[Divergence, ...]:
    """Differences between the server and what should be live; empty without any.

    Args:
        client: the server.
        live: what should be live; NOTHING_LIVE where nothing was ever published.
        releases: every version that it names.
    Raises:
        InputError: `live` names a version that is not among the releases.
        UnavailableError: the server does not answer.
    """
    expected = published_contents(live, releases)
    pointer, *others = _read(client, [LIVE, *expected])
    differences = _of_live(live, pointer)
    for (key, content), found in zip(expected.items(), others, strict=True):
        differences += _of_release(key, content, found)
    return tuple(differences)


def _read(client: redis.Redis, keys: Sequence[str]) -> list[_Found]:
    """All keys in one transaction, whatever their type."""
    with guarded_calls(client), client.pipeline(transaction=True) as pipeline:
        for key in keys:
            pipeline.type(key)
            pipeline.get(key)
            pipeline.pttl(key)
        answers = pipeline.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception) and "WRONGTYPE" not in str(answer):
            with guarded_calls(client):
                raise answer
    return [
        _Found(content if isinstance(content, bytes) else None, kind.decode(), ttl_ms)
        for kind, content, ttl_ms in zip(answers[::3], answers[1::3], answers[2::3], strict=True)
    ]


def _of_live(live: Live, found: _Found) -> list[Divergence]:
    if live.epoch == NOTHING_LIVE.epoch:
        return [] if found.kind == "none" else [Divergence(LIVE, _NOTHING, _described(found))]
    expected = f"epoch {live.epoch}, version {live.version or 'none (base price)'}"
    if found.content is None:
        return [Divergence(LIVE, expected, _described(found))]
    if found.content == live.to_bytes():
        return _expiring(LIVE, found)
    try:
        there = parse_live(found.content)
    except DataError as error:
        return [
            Divergence(
                LIVE,
                expected,
                f"a document that cannot be used ({error.message.removesuffix('.')})",
            )
        ]
    names = [
        one.name for one in fields(Live) if getattr(there, one.name) != getattr(live, one.name)
    ]
    if not names:
        return [
            Divergence(
                LIVE, "the document as it was published", "the same content in another notation"
            )
        ]
    return [
        Divergence(f"{LIVE}, {name}", _shown(getattr(live, name)), _shown(getattr(there, name)))
        for name in names
    ]


def _of_release(key: str, content: bytes, found: _Found) -> list[Divergence]:
    if found.content == content:
        return _expiring(key, found)
    return [
        Divergence(
            key,
            f"the rules that were approved (SHA-256 {parse_release(content).sha256[:12]})",
            _described(found),
        )
    ]


def _expiring(key: str, found: _Found) -> list[Divergence]:
    if found.ttl_ms < 0:
        return []
    return [
        Divergence(
            key,
            "no expiry",
            f"an expiry in {found.ttl_ms / 1000:.0f} s",
        )
    ]


def _described(found: _Found) -> str:
    if found.kind == "none":
        return _NOTHING
    if found.content is None:
        return f"a {found.kind}"
    return f"{len(found.content)} bytes of other content"


def _shown(value: object) -> str:
    return str(value) if value != "" else "none"
